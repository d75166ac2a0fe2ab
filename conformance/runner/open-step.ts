/** Opens a connection of a tape, and checks how the server answers the upgrade. */
import { isObject } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import { resolve } from '../tape/bindings.ts';
import type { ActorSpec, EventStreamSpec, OpenStep } from '../tape/tape.ts';
import type { Refused } from '../target/socket.ts';
import { Connection } from './connection.ts';
import { HarnessError } from './context.ts';
import { judgeValue } from './judge-value.ts';
import { StepFailed } from './tape-state.ts';
import type { Cursors, TapeState } from './tape-state.ts';
import type { Cause } from './verdict.ts';

const ACCEPTED: Cause = { text: 'an upgrade is accepted that must be rejected' };

export async function open(step: OpenStep, state: TapeState, cursors: Cursors): Promise<void> {
  const options = {
    actor: step.as,
    spec: specOf(step, state),
    check: state.tape.header.id,
    timeoutMs: state.patience(step.within),
    ...(step.refused === undefined ? {} : { expected: 'refused' as const }),
    ...(step.events === undefined ? {} : { events: requestOf(step.events, state) }),
  };
  const connection = new Connection(state.context, options);
  const refused = await connection.open(options);
  if (refused !== undefined) return judgeRefusal(refused, step, state);
  state.place(step.as, connection);
  cursors.set(step.as, 0);
  judgeAcceptance(connection, step, state);
}

function specOf({ as }: OpenStep, state: TapeState): ActorSpec {
  return state.tape.header.actors[as] ?? {};
}

/** Describes the upgrade in words: names each query parameter, header and subprotocol that an ordinary upgrade does not have. */
function upgradeOf(step: OpenStep, state: TapeState): string {
  const { query = {}, headers = {}, protocols } = specOf(step, state);
  const parts = [
    ...Object.entries(query).map(([name, value]) => `the query parameter ${name}=${value}`),
    ...Object.entries(headers).map(([name, value]) => `the header ${name}: ${value}`),
    ...(protocols === undefined ? [] : [`the subprotocols ${JSON.stringify(protocols)}`]),
  ];
  return `the upgrade of ${step.as}${parts.length === 0 ? '' : ` with ${parts.join(' and ')}`}`;
}

function judgeAcceptance(connection: Connection, step: OpenStep, state: TapeState): void {
  const { line } = step;
  if (step.refused !== undefined)
    throw new StepFailed(
      { text: `the server accepted ${upgradeOf(step, state)}`, line, expected: step.refused, frames: [] },
      ACCEPTED,
    );
  if (step.headers !== undefined)
    judgeValue(step.headers, connection.headers, {
      state,
      line,
      text: 'the headers of the response are not as expected',
    });
  if (step.protocol === undefined) return;
  const text = 'the server chose another subprotocol';
  judgeValue(step.protocol, connection.protocol, { state, line, text });
}

function judgeRefusal(refused: Refused, step: OpenStep, state: TapeState): void {
  const { status, headers } = refused;
  const { line } = step;
  const body = refused.body.slice(0, 200);
  const upgrade = upgradeOf(step, state);
  // The server accepted the upgrade, but the WebSocket library of the suite did not accept the response.
  if (status === 101)
    throw new StepFailed(
      {
        text: `the server accepted ${upgrade}, with an invalid response: ${body}`,
        line,
        ...(step.refused === undefined ? {} : { expected: step.refused }),
        frames: [],
      },
      step.refused === undefined ? { text: 'the response to an upgrade is invalid' } : ACCEPTED,
    );
  if (step.refused === undefined)
    throw new StepFailed(
      { text: `${upgrade} was rejected with status ${status}: ${body}`, line, frames: [] },
      { text: `an upgrade is rejected with status ${status}` },
    );
  const answer = { status, headers, body: bodyOf(refused.body) };
  judgeValue(step.refused, answer, { state, line, text: `${upgrade} was rejected, but not as expected` });
}

/** A request for server-sent events, in which references are replaced by the values that earlier steps have bound. */
function requestOf({ query, lastEventId }: EventStreamSpec, state: TapeState): EventStreamSpec {
  const resolved = resolve(query, state.bindings);
  if (!isObject(resolved)) throw new HarnessError('the query of "events" must be an object');
  if (lastEventId === undefined) return { query: resolved };
  const id = resolve(lastEventId, state.bindings);
  if (typeof id === 'string') return { query: resolved, lastEventId: id };
  throw new HarnessError('the lastEventId of "events" must be a string');
}

function bodyOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
