/** Runs one tape and returns its verdict. */
import { textAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { UnboundError, expand } from '../tape/bindings.ts';
import type { Names } from '../tape/bindings.ts';
import { flatten } from '../tape/tape.ts';
import type { Tape } from '../tape/tape.ts';
import { credentialOf } from './connection.ts';
import { StarvedError, UnreachableError, UntestableError } from './context.ts';
import type { RunContext } from './context.ts';
import { applicability } from '../target/needs.ts';
import { TapeState, StepFailed } from './tape-state.ts';
import type { WitnessedPort } from './tape-state.ts';
import { performAll } from './steps.ts';
import { StimulusError, choosePort, openPort } from './stimulus.ts';
import type { Cause, CheckResult } from './verdict.ts';
import { Witness } from './witness.ts';

/** The streams on which the target emits events for the tape; the witness subscribes to these streams. */
export function streamsOf(tape: Tape): readonly string[] {
  const streams = flatten(tape.steps).flatMap((step) => {
    if (step.verb === 'stim') return step.events.map(({ stream }) => stream ?? 'main');
    if (step.verb !== 'send' || step.message['type'] !== 'broadcast') return [];
    const stream = textAt(step.message['data'], 'stream');
    return stream === undefined ? [] : [stream];
  });
  return [...new Set(streams)];
}

/** A copy of the tape in which the placeholders are replaced. Line numbers are unchanged. */
function instantiate(tape: Tape, names: Names): Tape {
  // The casts are safe: a tape is JSON, except for optional members, which remain undefined.
  return expand(tape as unknown as Json, names) as unknown as Tape;
}

/** The credentials that a tape refers to, ready to be sent. */
async function credentialsIn(tape: Tape, context: RunContext): Promise<JsonObject> {
  const names = JSON.stringify(tape.steps).matchAll(/"\$ref":"credentials\/([^"/]+)"/g);
  const entries: [string, Json][] = [];
  for (const [, name = ''] of names) entries.push([name, (await credentialOf(name, context))?.data ?? {}]);
  return Object.fromEntries(entries);
}

async function openWitnessedPort(tape: Tape, context: RunContext): Promise<WitnessedPort | undefined> {
  const { stimulus, id } = tape.header;
  if (stimulus === 'none') return undefined;
  const port = await openPort(stimulus, { context, check: id });
  try {
    const witness = await Witness.open({ context, check: id, streams: streamsOf(tape) });
    return { port, witness, compare: choosePort(context).port === 'fs' ? 'path' : 'payload' };
  } catch (error) {
    // The command of a port that stays open would keep the suite running.
    port.close();
    throw error;
  }
}

type Judged = Pick<CheckResult, 'verdict' | 'failures' | 'fired' | 'cause'> & { readonly reason?: string };

function judgeError(error: unknown, tape: Tape, fired: number): Judged {
  const { level } = tape.header;
  const caused = (cause: Cause | undefined): Pick<Judged, 'cause'> => (cause === undefined ? {} : { cause });
  const failed = (failure: CheckResult['failures'][number], cause?: Cause): Judged => ({
    verdict: level === 'must' ? 'FAIL' : 'WARN',
    failures: [failure],
    fired,
    ...caused(cause),
  });
  if (error instanceof StepFailed) return failed(error.failure, error.failureCause);
  if (error instanceof StimulusError)
    return failed({ text: error.message, frames: [], late: true }, error.failureCause);
  if (error instanceof UntestableError)
    return {
      verdict: 'UNTESTABLE',
      reason: error.message,
      failures: [],
      fired,
      ...caused(error.failureCause),
    };
  if (error instanceof StarvedError || error instanceof UnreachableError)
    return { verdict: 'INCONCLUSIVE', reason: error.message, failures: [], fired };
  // The parser has checked that every name is bound. So the reference failed because the server's message does not have
  // the member.
  if (error instanceof UnboundError)
    return failed({
      text: `a value that the tape refers to was not received: ${error.message}`,
      frames: [],
      late: true,
    });
  throw error;
}

/** @throws {HarnessError} when the suite itself did something wrong. */
export async function runTape(source: Tape, context: RunContext, nonce: string): Promise<CheckResult> {
  // The origin of the target's own pages has the host of its WebSocket and the scheme `http` or `https`.
  const { origin } = new URL(context.config.url.replace(/^ws/, 'http'));
  const tape = instantiate(source, { nonce, origin });
  const { id, clauses, level, why, needs } = tape.header;
  const began = context.now();
  const finish = (judged: Judged): CheckResult => ({
    id,
    kind: 'tape',
    clauses,
    level,
    why,
    durationMs: Math.round(context.now() - began),
    ...judged,
  });
  const applies = applicability(needs, context);
  if (applies.verdict !== 'applies') return finish({ ...applies, failures: [], fired: 0 });
  let state: TapeState | undefined;
  let witnessed: WitnessedPort | undefined;
  try {
    witnessed = await openWitnessedPort(tape, context);
    state = new TapeState(context, tape, witnessed, await credentialsIn(tape, context));
    await performAll(tape.steps, state, new Map());
    const { judged } = state;
    if (judged === 0)
      return finish({ verdict: 'VACUOUS', reason: 'no expectation was reached', failures: [], fired: 0 });
    return finish({ verdict: 'PASS', failures: [], fired: judged });
  } catch (error) {
    return finish(judgeError(error, tape, state?.judged ?? 0));
  } finally {
    witnessed?.port.close();
    // Resume reading on every connection. Otherwise the server would later close a paused connection as slow, which
    // would look like a fault of the server.
    for (const connection of state?.connections ?? []) connection.setReading('on');
    context.connections.finish(id);
  }
}
