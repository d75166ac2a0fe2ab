/** Decides when an expected message will not arrive any more, and explains the failure. */
import { textAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import { isReply } from '../trace/reading.ts';
import { nearest } from '../tape/nearest.ts';
import type { RecvStep } from '../tape/tape.ts';
import type { Frame } from '../trace/trace.ts';
import type { Connection } from './connection.ts';
import { StepFailed } from './tape-state.ts';
import type { TapeState } from './tape-state.ts';

/** What a step waits for. */
interface Wait {
  readonly step: RecvStep;
  readonly state: TapeState;
  readonly connection: Connection;
  /** The index of the first message that the step may claim. */
  readonly from: number;
}

/**
 * Whether waiting longer is useless: the connection has ended, or the command already has its one reply (ENV-3), and
 * that reply is not the expected one.
 */
export function isHopeless(pattern: Json, connection: Connection, from: number): boolean {
  return connection.closed !== undefined || otherReply(pattern, connection, from) !== undefined;
}

/** The reply that a command received instead of the expected one. Call only when no message since `from` matches the pattern. */
function otherReply(pattern: Json, { received, taken, commandsWith }: Connection, from: number): Frame | undefined {
  const id = textAt(pattern, 'id');
  if (id === undefined) return undefined;
  const reply = received.find(
    (frame, index) => index >= from && !taken.has(index) && textAt(frame.json, 'id') === id && isReply(frame),
  );
  // If several commands had this id, another reply may follow.
  return reply !== undefined && commandsWith(id) === 1 ? reply : undefined;
}

/**
 * Whether a message may explain a failure. A `welcome` or `heartbeat`, which every connection receives, explains it only
 * if the step expects a message of that type.
 */
function mayBeMeant({ json }: Frame, { pattern }: RecvStep): boolean {
  const type = textAt(json, 'type');
  return (type !== 'welcome' && type !== 'heartbeat') || type === textAt(pattern, 'type');
}

/** Why a message that matches the expectation does not count. */
function whyNot({ fields }: RecvStep): string {
  if (fields === undefined) return 'it arrived too early, or another step claimed it';
  return 'it arrived too early, another step claimed it, or its server-sent event has other fields';
}

function whatHappened({ step, connection, from }: Wait, patience: number): string {
  const end = connection.closed;
  if (otherReply(step.pattern, connection, from) !== undefined)
    return `${step.as} received a wrong reply to its command`;
  return end === undefined
    ? `${step.as} did not receive the expected message within ${patience} ms`
    : `the connection of ${step.as} was closed with ${end.code} before the expected message arrived`;
}

/** The failure of a step whose message did not arrive. @param patience how long the step waited at most, in milliseconds */
export function missed(wait: Wait, patience: number): StepFailed {
  const { step, state, connection, from } = wait;
  const { received } = connection;
  const likely = (frames: readonly Frame[]): readonly Frame[] => frames.filter((each) => mayBeMeant(each, step));
  const later = nearest(step.pattern, likely(received.slice(from)), (frame: Frame) => frame.json, state.bindings);
  // A matching message that arrived too early explains the failure better than a different message that arrived in
  // time.
  const any = nearest(step.pattern, likely(received.slice(0, from)), (frame: Frame) => frame.json, state.bindings);
  const best = any?.differences.length === 0 ? any : (later ?? any);
  const text = whatHappened(wait, patience);
  const failure = {
    text: best?.differences.length === 0 ? `${text}: ${whyNot(step)}` : text,
    line: step.line,
    expected: step.fields === undefined ? step.pattern : { message: step.pattern, fields: step.fields },
    ...(best === undefined
      ? {}
      : { nearest: { frame: best.candidate.n, value: best.candidate.json ?? null, differences: best.differences } }),
    frames: best === undefined ? [] : [best.candidate.n],
    late: true as const,
  };
  return new StepFailed(failure, connection.causeOfMiss(step.pattern));
}
