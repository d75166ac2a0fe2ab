/** Formats one event, or one gap, as a line for people. */
import { isEvent } from '../../generated/client.ts';
import type { TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import { paint, plain } from './terminal.ts';
import type { FileChangePayload } from '../../generated/types.ts';
import { FILE_EVENT } from '../catalogue/catalogue.ts';

const LONGEST = 160;

/** A part of the line that is shown only on request. */
export type Extra = 'stream';

/** The line has the local time, position, name and a summary of the payload of the event, and for a replayed event the word `replay`. */
export function eventLine(event: TidemarkEvent, extras: readonly Extra[] = []): string {
  const { emittedAt, sequenceId, isReplay } = event;
  const parts = [
    paint('dim', clockOf(emittedAt)),
    ...(extras.includes('stream') ? [plain(event.stream)] : []),
    paint('dim', `#${sequenceId}`),
    paint('cyan', plain(textOf(event.event))),
    ...(isReplay ? [paint('yellow', 'replay')] : []),
    plain(aboutOf(event)),
  ];
  return parts.join('  ');
}

function clockOf(time: string): string {
  const date = new Date(time);
  const two = (part: number): string => String(part).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function aboutOf(event: TidemarkEvent): string {
  const payload: unknown = event.payload;
  if (isEvent(event, FILE_EVENT) && isFileChange(payload)) {
    const { changeType, path, previousPath, root } = payload;
    return `${changeType.padEnd(6)} ${root}: ${previousPath === undefined ? '' : `${previousPath} → `}${path}`;
  }
  const text = textOf(payload);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** Whether the payload can be summarised. A server that is not a gateway may send any payload. */
function isFileChange(
  payload: unknown,
): payload is Pick<FileChangePayload, 'changeType' | 'path' | 'previousPath' | 'root'> {
  return (
    typeof payload === 'object' && payload !== null && 'changeType' in payload && typeof payload.changeType === 'string'
  );
}

/** The text of a value that is a string or an object if a gateway has sent it. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
}

export function gapLine({ stream, reason, from, to, repair }: TidemarkGap): string {
  const place = (position: TidemarkGap['from']): string =>
    position === undefined ? 'unknown' : `${position.epoch}:${position.sequenceId}`;
  return plain(`gap on ${stream}: ${reason}, from ${place(from)} to ${place(to)}${hintOf(repair)}`);
}

function hintOf(repair: TidemarkGap['repair']): string {
  const paths = repair?.kind === 'rescan' ? textsOf(repair.paths) : [];
  const ids = repair?.kind === 'refetch' ? textsOf(repair.ids) : [];
  if (paths.length > 0)
    return `; read these paths again: ${paths.map((each) => (each === '' ? 'the watched directory' : each)).join(', ')}`;
  return ids.length > 0 ? `; fetch these ids again: ${ids.join(', ')}` : '';
}

function textsOf(list: unknown): readonly string[] {
  return Array.isArray(list) ? (list as readonly unknown[]).map(textOf) : [];
}
