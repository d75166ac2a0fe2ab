/** Formats one event, or one gap, as a line for people. */
import { isEvent } from '../../generated/client.ts';
import type { TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import { paint, plain } from './terminal.ts';
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
    paint('cyan', plain(event.event)),
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
  if (isEvent(event, FILE_EVENT)) {
    const { changeType, path, previousPath, root } = event.payload;
    return `${changeType.padEnd(6)} ${root}: ${previousPath === undefined ? '' : `${previousPath} → `}${path}`;
  }
  const text = JSON.stringify(event.payload);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

export function gapLine({ stream, reason, from, to, repair }: TidemarkGap): string {
  const place = (position: TidemarkGap['from']): string =>
    position === undefined ? 'unknown' : `${position.epoch}:${position.sequenceId}`;
  const hint =
    repair === undefined
      ? ''
      : repair.kind === 'rescan'
        ? `; read these paths again: ${repair.paths.map((each) => (each === '' ? 'the watched directory' : each)).join(', ')}`
        : `; fetch these ids again: ${repair.ids.join(', ')}`;
  return plain(`gap on ${stream}: ${reason}, from ${place(from)} to ${place(to)}${hint}`);
}
