/** Runs each kind of step. A step returns when it passes and throws when it fails. */
import { isDeepStrictEqual } from 'node:util';
import type { Json, JsonObject } from '../trace/json.ts';
import { isObject } from '../trace/json.ts';
import { resolve } from '../tape/bindings.ts';
import { fits, match } from '../tape/matcher.ts';
import type { ClosedStep, NeverStep, RecvStep, SendStep, StimStep, Step } from '../tape/tape.ts';
import type { Connection } from './connection.ts';
import { HarnessError, PATIENCE_MS } from './context.ts';
import { control } from './control-step.ts';
import { http } from './http-step.ts';
import { judgeValue, keep } from './judge-value.ts';
import { isHopeless, missed } from './missed-message.ts';
import { open } from './open-step.ts';
import { StepFailed, assertFits } from './tape-state.ts';
import type { Cursors, TapeState } from './tape-state.ts';

/** The index of the first matching message, at or after the cursor, that no other step has claimed. */
function scan(step: RecvStep, state: TapeState, connection: Connection, from: number): number | undefined {
  const { received, taken } = connection;
  for (let index = from; index < received.length; index += 1) {
    if (taken.has(index)) continue;
    const frame = received[index];
    const { differences, bindings } = match(step.pattern, frame?.json, state.bindings);
    if (differences.length > 0) continue;
    if (step.fields !== undefined) {
      const fields = match(step.fields, frame === undefined ? undefined : connection.fields.get(frame), state.bindings);
      if (fields.differences.length > 0) continue;
      keep(fields.bindings, state);
    }
    keep(bindings, state);
    taken.add(index);
    return index;
  }
  return undefined;
}

async function recv(step: RecvStep, state: TapeState, cursors: Cursors): Promise<void> {
  const connection = state.connection(step.as);
  const from = cursors.get(step.as) ?? 0;
  const patience = state.patience(step.within);
  const look = (): number | undefined =>
    scan(step, state, connection, from) ?? (isHopeless(step.pattern, connection, from) ? -1 : undefined);
  const index = await connection.signal.until(look, patience);
  if (index === undefined || index < 0) throw missed({ step, state, connection, from }, patience);
  cursors.set(step.as, index + 1);
  if (step.bind !== undefined) state.bindings.set(step.bind, connection.received[index]?.json ?? null);
  state.judged += 1;
}

async function never(step: NeverStep, state: TapeState, cursors: Cursors): Promise<void> {
  const connection = state.connection(step.as);
  const from = cursors.get(step.as) ?? 0;
  const patience = state.patience(step.within);
  const fence = await connection.signal.until(() => {
    const index = connection.received.findIndex(
      (frame, at) => at >= from && fits(step.until, frame.json, state.bindings),
    );
    return index >= 0 ? index : isHopeless(step.until, connection, from) ? -1 : undefined;
  }, patience);
  const reach = fence === undefined || fence < 0 ? connection.received.length : fence + 1;
  const caught = connection.received.slice(from, reach).find((each) => fits(step.pattern, each.json, state.bindings));
  if (caught !== undefined)
    throw new StepFailed({
      text: `${step.as} received a message that must not be sent`,
      line: step.line,
      expected: { never: step.pattern },
      nearest: { frame: caught.n, value: caught.json ?? null, differences: [] },
      frames: [caught.n],
      late: true,
    });
  if (fence === undefined || fence < 0) {
    const fenceStep: RecvStep = { verb: 'recv', as: step.as, pattern: step.until, line: step.line };
    throw missed({ step: fenceStep, state, connection, from }, patience);
  }
  keep(match(step.until, connection.received[fence]?.json, state.bindings).bindings, state);
  connection.taken.add(fence);
  cursors.set(step.as, fence + 1);
  state.judged += 1;
}

async function stim(step: StimStep, state: TapeState): Promise<void> {
  const { witnessed } = state;
  if (witnessed === undefined)
    throw new HarnessError('the tape has a "stim" step, so "stimulus" in its header must be "publish" or "files"');
  const { patience } = witnessed.witness;
  for (const event of step.events) await witnessed.port.publish(event);
  const seen: Json[] = [];
  for (const event of step.events) {
    const data = await witnessed.witness.signal.until(() => witnessed.witness.seen(event, witnessed.compare), patience);
    if (data === undefined) {
      throw new StepFailed(
        {
          text: `the witness, which subscribes to everything on ${event.stream ?? 'main'}, did not receive the event ${event.event}`,
          line: step.line,
          expected: { event: event.event, payload: event.payload },
          frames: [],
          late: true,
        },
        { text: 'published events do not arrive' },
      );
    }
    seen.push(data);
  }
  if (step.bind !== undefined) state.bindings.set(step.bind, seen.length === 1 ? (seen[0] ?? null) : seen);
}

async function closed(step: ClosedStep, state: TapeState): Promise<void> {
  const connection = state.connection(step.as);
  const patience = state.patience(step.within);
  const end = await connection.signal.until(() => connection.closed, patience);
  if (end === undefined) {
    throw new StepFailed({
      text: `the connection of ${step.as} was not closed within ${patience} ms`,
      line: step.line,
      expected: step.pattern,
      frames: [],
      late: true,
    });
  }
  const value = { code: end.code, reason: end.reason };
  judgeValue(step.pattern, value, {
    state,
    line: step.line,
    text: `the connection of ${step.as} was closed, but not as expected`,
  });
}

/**
 * Fails the step if the command is invalid. The tape took the invalid value from a message of the server, so the server is
 * at fault.
 */
function assertSendable(message: JsonObject, { as, line }: SendStep): void {
  try {
    assertFits(message, as);
  } catch (cause) {
    if (!(cause instanceof HarnessError)) throw cause;
    const text = `the server sent a value that makes the command of ${as} invalid: ${JSON.stringify(message)} does not match the contract`;
    throw new StepFailed({ text, line, frames: [] });
  }
}

async function perform(step: Step, state: TapeState, cursors: Cursors): Promise<void> {
  switch (step.verb) {
    case 'open':
      return open(step, state, cursors);
    case 'send': {
      const message = resolve(step.message, state.bindings);
      if (!isObject(message)) throw new HarnessError(`${state.tape.file}:${step.line}: a message must be an object`);
      if (isDeepStrictEqual(message, step.message)) assertFits(message, `${state.tape.file}:${step.line}`);
      else assertSendable(message, step);
      return state.connection(step.as).sendCommand(JSON.stringify(message));
    }
    case 'sendText': {
      const text = resolve(step.text, state.bindings);
      return state.connection(step.as).sendText(typeof text === 'string' ? text : JSON.stringify(text), 'malformed');
    }
    case 'sendFrame':
      return state.connection(step.as).sendFrame(step.frame);
    case 'recv':
      return recv(step, state, cursors);
    case 'never':
      return never(step, state, cursors);
    case 'http':
      return http(step, state);
    case 'stim':
      return stim(step, state);
    case 'drop':
      return state.connection(step.as).end(step.code === undefined ? {} : { code: step.code }, PATIENCE_MS);
    case 'pause':
      return state.connection(step.as).setReading(step.what === 'read' ? 'off' : 'on');
    case 'closed':
      return closed(step, state);
    case 'control':
      return control(step, state);
    case 'par':
      return par(step.branches, state, cursors);
  }
}

/**
 * Runs branches concurrently. Each branch reads an actor's messages from the position at which the `par` step began.
 */
async function par(branches: readonly (readonly Step[])[], state: TapeState, cursors: Cursors): Promise<void> {
  const copies = branches.map(() => new Map(cursors));
  const results = await Promise.allSettled(
    branches.map((branch, index) => performAll(branch, state, copies[index] ?? new Map())),
  );
  for (const copy of copies) for (const [actor, at] of copy) cursors.set(actor, Math.max(at, cursors.get(actor) ?? 0));
  const failed = results.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

export async function performAll(steps: readonly Step[], state: TapeState, cursors: Cursors): Promise<void> {
  for (const step of steps) await perform(step, state, cursors);
}
