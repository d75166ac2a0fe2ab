/**
 * Detects a connection that the server closed because a message had waited too long in its send queue (`sendQueueAgeMs`). A
 * correct server does that. On a busy machine, a large replay can exceed this limit. So a close with 4201 proves nothing if
 * the client had stopped reading, or had waited for a reply, for longer than the limit.
 */
import { CLOSE_CODES } from '../../generated/protocol.ts';
import { member } from '../trace/json.ts';
import type { Frame, Trace } from '../trace/trace.ts';
import { readingOf } from './cause.ts';
import type { Doubt } from './starvation.ts';

const SLOW = CLOSE_CODES.slow_consumer.code;
const READING_OFF = 'reading off';

/** How long messages may have waited when the server closed the connection with 4201, in milliseconds; 0 if it did not. */
function waitedMs(trace: Trace, connection: number): number {
  const reading = readingOf(trace, connection);
  const end = reading?.closed;
  if (reading === undefined || end === undefined || !isSlow(end)) return 0;
  const stopped = reading.frames.filter(({ kind, text }) => kind === 'mark' && text === READING_OFF);
  const open = reading.commands.filter(({ reply }) => reply === undefined).map(({ frame }) => frame);
  const closing = reading.frames.find((each) => member(member(each.json, 'data'), 'code') === SLOW) ?? end;
  const since = [...stopped, ...open].map(({ at }) => at).filter((at) => at < closing.at);
  return since.length === 0 ? 0 : closing.at - Math.min(...since);
}

function isSlow({ json }: Frame): boolean {
  return member(json, 'code') === SLOW;
}

/** Why a failure of a check since `from` is doubtful, if the age of a send queue may be the cause. */
export function queueDoubt(
  { check, from, limitMs }: { readonly check: string; readonly from: number; readonly limitMs: number },
  trace: Trace,
): Doubt | undefined {
  const own = trace.frames.filter((each) => each.check === check && each.at >= from);
  const connections = new Set(own.map(({ connection }) => connection));
  const longest = Math.max(0, ...[...connections].map((each) => waitedMs(trace, each)));
  if (longest < limitMs) return undefined;
  const reason = `messages waited for up to ${Math.round(longest)} ms before the server closed the connection with ${SLOW}, and its limit sendQueueAgeMs allows ${limitMs} ms`;
  return { reason, ifRepeated: 'proves nothing' };
}
