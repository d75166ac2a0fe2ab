/**
 * The witness: an additional connection without a filter, besides the connections of a tape's actors. It receives every
 * emitted event, so that filters and replays can be checked by comparison.
 */
import { equal, member, textAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import type { StimEvent } from '../tape/tape.ts';
import type { Frame } from '../trace/trace.ts';
import { Connection, typeOf } from './connection.ts';
import { PATIENCE_MS, UntestableError } from './context.ts';
import type { RunContext } from './context.ts';
import type { Signal } from './signal.ts';

export interface WitnessOptions {
  readonly context: RunContext;
  readonly check: string;
  readonly streams: readonly string[];
}

export class Witness {
  readonly #connection: Connection;
  /** How long an event may take to arrive, in milliseconds. */
  readonly patience: number;
  /** Numbers of the frames that were already matched with an event. */
  readonly #claimed = new Set<number>();

  private constructor(connection: Connection, patience: number) {
    this.#connection = connection;
    this.patience = patience;
  }

  static async open({ context, check, streams }: WitnessOptions): Promise<Witness> {
    const patience = PATIENCE_MS * context.timeScale;
    const options = { actor: 'witness', spec: {}, check, timeoutMs: patience };
    const connection = new Connection(context, options);
    const refused = await connection.open(options);
    if (refused !== undefined)
      throw new UntestableError(`the upgrade of the witness was rejected with status ${refused.status}`);
    for (const [index, stream] of streams.entries()) {
      const id = `witness-${index + 1}`;
      const data = { subscriptionId: id, stream, events: ['*'], replay: { mode: 'none' } };
      await connection.sendCommand(JSON.stringify({ type: 'subscribe', id, data }));
      const reply = await connection.find((frame) => textAt(frame.json, 'id') === id, patience);
      if (reply === undefined || typeOf(reply) !== 'subscribed')
        throw new UntestableError(
          `the witness cannot subscribe to ${stream}: ${reply?.text ?? 'no reply'}`,
          connection.causeOfMiss({ type: 'subscribed' }),
        );
    }
    return new Witness(connection, patience);
  }

  get signal(): Signal {
    return this.#connection.signal;
  }

  /** The `data` of an emitted event, if the witness has received it. Each message is matched with only one event. */
  seen(event: StimEvent, compare: 'payload' | 'path'): Json | undefined {
    const frame = this.#connection.received.find((each) => !this.#claimed.has(each.n) && is(each, event, compare));
    if (frame === undefined) return undefined;
    this.#claimed.add(frame.n);
    return member(frame.json, 'data');
  }
}

/**
 * Whether a frame contains the event. A file change is compared by path and type only, because its payload has more
 * members.
 */
function is(frame: Frame, event: StimEvent, compare: 'payload' | 'path'): boolean {
  const data = member(frame.json, 'data');
  if (typeOf(frame) !== 'event' || textAt(data, 'event') !== event.event) return false;
  if (textAt(data, 'stream') !== (event.stream ?? 'main')) return false;
  const payload = member(data, 'payload');
  if (compare === 'payload') return equal(payload, event.payload);
  return ['path', 'changeType'].every((key) => equal(member(payload, key), event.payload[key]));
}
