/**
 * Reads a recorded trace (`tidemark conformance record`, or `run --trace`): for each connection, the messages of the client and of the
 * server. A replay sends the recorded messages of the server unchanged, except for ids.
 */
import type { OpenObject } from '../../generated/types.ts';
import { ScriptError, isObject, readLines } from './script.ts';

/** An item of a recorded connection. `pauseMs` is the time since the previous item. */
export type RecordedItem =
  | { readonly from: 'client'; readonly type: string; readonly data: OpenObject; readonly id: string | undefined }
  | {
      readonly from: 'server';
      readonly text: string;
      /** The id of the command to which the message replies; undefined if the message is not a reply. */
      readonly id: string | undefined;
      readonly pauseMs: number;
    }
  | { readonly from: 'close'; readonly code: number; readonly reason: string; readonly pauseMs: number };

export type RecordedConnection = readonly RecordedItem[];

/** The client names of connections that the conformance suite opens for its own purposes. */
const OF_THE_SUITE = new Set(['witness', 'publisher', 'liveness', 'runner', 'probe']);

function parsed(text: string): OpenObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function idOf({ id }: OpenObject): string | undefined {
  return typeof id === 'string' ? id : undefined;
}

function itemOf(line: OpenObject, text: string, pauseMs: number): RecordedItem | undefined {
  const { dir, kind = 'text' } = line;
  const value = parsed(text);
  if (kind === 'close') {
    const { code, reason } = value ?? {};
    return dir === '<<' && typeof code === 'number'
      ? { from: 'close', code, reason: typeof reason === 'string' ? reason : '', pauseMs }
      : undefined;
  }
  if (kind !== 'text') return undefined;
  if (dir === '<<') return { from: 'server', text, id: value === undefined ? undefined : idOf(value), pauseMs };
  if (value === undefined || typeof value['type'] !== 'string') return undefined;
  return { from: 'client', type: value['type'], data: isObject(value['data']) ? value['data'] : {}, id: idOf(value) };
}

/**
 * Reads the connections of a trace, in the order in which they were opened.
 * @param actors the clients whose connections are read. If empty, all clients except those that the conformance suite adds
 * @throws {ScriptError} if the text is not a trace, or has no message of a server; names the file and the line
 */
export function readRecording(text: string, file: string, actors: readonly string[]): readonly RecordedConnection[] {
  const [head, ...lines] = readLines(text, file);
  if (head?.['trace'] === undefined)
    throw new ScriptError(
      `${file}:1: expected a trace, which begins with {"trace":1,…}. To record real traffic, use \`tidemark conformance record\`; to record a tape, use \`tidemark conformance run --only TAPE --trace FILE\`.`,
    );
  const connections = new Map<unknown, { readonly items: RecordedItem[]; at: number }>();
  for (const line of lines) {
    const { actor, connection, text: content, at: time } = line;
    if (typeof actor !== 'string' || typeof connection !== 'number' || connection === 0 || typeof content !== 'string')
      continue;
    if (actors.length === 0 ? OF_THE_SUITE.has(actor) : !actors.includes(actor)) continue;
    const at = typeof time === 'number' ? time : 0;
    const found = connections.get(connection) ?? { items: [], at };
    connections.set(connection, found);
    const item = itemOf(line, content, Math.max(0, at - found.at));
    if (item === undefined) continue;
    found.items.push(item);
    found.at = at;
  }
  const spoken = [...connections.values()]
    .map(({ items }) => items)
    .filter((items) => items.some(({ from }) => from === 'server'));
  if (spoken.length === 0) {
    const which = actors.length === 0 ? 'of a client' : `of ${actors.join(', ')}`;
    throw new ScriptError(`${file}: the trace has no message that a server sent on a connection ${which}.`);
  }
  return spoken;
}
