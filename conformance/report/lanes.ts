/** Shows frames as lanes: what each actor sent to the server and received from the server. */
import { isObject, member, textAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import type { Frame } from '../trace/trace.ts';

/** Shows a message in short form, such as `subscribe #c1 {"events":["*"]}`, instead of the whole envelope. */
function messageText(json: Json): string {
  const type = textAt(json, 'type') ?? '';
  const id = textAt(json, 'id');
  const data = member(json, 'data');
  const event = type === 'event' ? ` ${textAt(data, 'event') ?? ''}` : '';
  return `${type}${event}${id === undefined ? '' : ` #${id}`} ${JSON.stringify(data ?? null)}`;
}

function httpText(json: Json): string {
  const status = member(json, 'status') ?? member(json, 'fault');
  const body = member(json, 'body');
  const [method, path] = [textAt(json, 'method') ?? '', textAt(json, 'path') ?? ''];
  const shown = body === undefined ? '' : ` ${JSON.stringify(body)}`;
  return status === undefined ? `${method} ${path}${shown}` : `${JSON.stringify(status)}${shown}`;
}

export function frameText(frame: Frame): string {
  const { kind, json, text } = frame;
  if (kind === 'text' && isObject(json) && typeof json['type'] === 'string') return messageText(json);
  if (kind === 'http' && json !== undefined) return httpText(json);
  return kind === 'text' ? text : `(${kind}) ${text}`;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Shows a frame in one line: its number, time in milliseconds, actor, direction and content. */
export function laneLine(frame: Frame, options: { readonly width: number }): string {
  const prefix = `${String(frame.n).padStart(6)} ${frame.at.toFixed(0).padStart(6)} ms  ${frame.actor.padEnd(9)} ${frame.dir} `;
  return `${prefix}${cut(frameText(frame), Math.max(20, options.width - prefix.length))}`;
}

/** Selects at most `count` frames. The selection ends shortly after the last frame whose number is in `matter`. */
export function excerpt(frames: readonly Frame[], matter: readonly number[], count: number): readonly Frame[] {
  const last = Math.max(...matter, 0);
  const index = last === 0 ? frames.length : frames.findIndex(({ n }) => n > last) + 2;
  const end = index < 2 ? frames.length : Math.min(frames.length, index);
  return frames.slice(Math.max(0, end - count), end);
}
