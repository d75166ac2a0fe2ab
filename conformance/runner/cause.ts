/** Determines the cause of a failed expectation from the frames of its connection. */
import { COMMANDS } from '../../generated/protocol.ts';
import { member, textAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import { dataOf, readFrames, typeOf } from '../trace/reading.ts';
import type { Command, ConnectionReading } from '../trace/reading.ts';
import { Trace } from '../trace/trace.ts';
import { MALFORMED } from '../tape/rank.ts';
import type { Cause } from './verdict.ts';

const REPLIES: readonly string[] = [...Object.values(COMMANDS).map(({ reply }) => reply), 'error'];

function nameOf({ type, malformed }: Pick<Command, 'type' | 'malformed'>): string {
  return malformed || !Object.hasOwn(COMMANDS, type) ? 'a malformed message' : `\`${type}\``;
}

export function readingOf(trace: Trace, connection: number): ConnectionReading | undefined {
  // Reads only this connection: reading the whole trace would take so long that it could delay the frames of other connections.
  const part = new Trace(trace.header, () => 0);
  part.frames.push(...trace.frames.filter((frame) => frame.connection === connection));
  return readFrames(part).connections[0];
}

function unanswered({ type, malformed }: Command): Cause {
  if (malformed || !Object.hasOwn(COMMANDS, type))
    return { text: 'a malformed message is not answered by `error`', unanswered: MALFORMED };
  return { text: `no reply to \`${type}\``, unanswered: type };
}

/** Why an expected message did not arrive. @param pattern the expected message, in the notation of a tape */
export function causeOfMiss(reading: ConnectionReading, pattern: Json): Cause {
  const { commands, closed } = reading;
  const open = commands.find(({ reply }) => reply === undefined);
  const last = open ?? commands.at(-1);
  const after = last === undefined ? '' : ` after ${nameOf(last)}`;
  if (closed !== undefined) {
    const code = JSON.stringify(member(closed.json, 'code'));
    return { text: `the connection ends with ${code === '1006' ? 'no close frame' : code}${after}` };
  }
  const expected = textAt(pattern, 'type');
  const isReply = expected === undefined || REPLIES.includes(expected);
  if (open !== undefined && isReply) return unanswered(open);
  if (isReply && last?.reply !== undefined) {
    const type = typeOf(last.reply);
    const code = textAt(dataOf(last.reply), 'code');
    if (type !== expected)
      return { text: `${nameOf(last)} is answered by \`${type}\`${code === undefined ? '' : ` ${code}`}` };
    return { text: `the reply \`${type}\` to ${nameOf(last)} has unexpected contents` };
  }
  const came = reading.received.some((frame) => typeOf(frame) === expected);
  return { text: `no ${came ? 'matching ' : ''}\`${expected ?? 'message'}\` arrives` };
}

/** Whether the server has answered any command of this kind so far. */
export function everAnswered(trace: Trace, kind: string): boolean {
  return readFrames(trace).connections.some(({ commands }) =>
    commands.some((each) => (each.malformed ? MALFORMED : each.type) === kind && each.reply !== undefined),
  );
}
