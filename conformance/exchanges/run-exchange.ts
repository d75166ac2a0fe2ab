/** Runs a generated exchange against the target, in a separate trace. */
import { TRACE_CHECKS } from '../invariants/checks.ts';
import type { Violation } from '../trace/finding.ts';
import { QUIET_MARK } from '../invariants/quiet.ts';
import { member, textAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { dataOf, placeOf, typeOf } from '../trace/reading.ts';
import { Connection } from '../runner/connection.ts';
import { PATIENCE_MS, StarvedError, UntestableError } from '../runner/context.ts';
import type { RunContext } from '../runner/context.ts';
import { doubtSince } from '../runner/starvation.ts';
import { StimulusError, openPort } from '../runner/stimulus.ts';
import type { StimulusPort } from '../runner/stimulus.ts';
import { isPauseMark } from '../trace/pauses.ts';
import { TRACE_VERSION, Trace } from '../trace/trace.ts';
import { CLIENTS } from './operation.ts';
import type { Client, Operation, Publication } from './operation.ts';

export const CHECK = 'exchanges/generated';

export interface ExchangeRun {
  readonly trace: Trace;
  readonly violations: readonly (Violation & { readonly check: string })[];
}

/** Runs the operations of an exchange, each on the connection of its client. */
class OperationRunner {
  readonly #context: RunContext;
  readonly #stream: string;
  readonly #port: StimulusPort;
  readonly #patience: number;
  readonly #connections = new Map<Client, Connection>();
  #serial = 0;

  constructor(context: RunContext, stream: string, port: StimulusPort) {
    this.#context = context;
    this.#stream = stream;
    this.#port = port;
    this.#patience = PATIENCE_MS * context.timeScale;
  }

  async #connection(client: Client): Promise<Connection> {
    const known = this.#connections.get(client);
    if (known?.isOpen === true) return known;
    const options = { actor: client, spec: {}, check: CHECK, timeoutMs: this.#patience };
    const made = new Connection(this.#context, options);
    const refused = await made.open(options);
    if (refused !== undefined)
      throw new UntestableError(`the upgrade of ${client} was rejected with status ${refused.status}`);
    this.#connections.set(client, made);
    return made;
  }

  async #ask(client: Client, type: string, data: JsonObject): Promise<void> {
    const connection = await this.#connection(client);
    this.#serial += 1;
    const id = `x${this.#serial}`;
    await connection.sendCommand(JSON.stringify({ type, id, data }));
    await connection.find((frame) => textAt(frame.json, 'id') === id, this.#patience);
  }

  async #publish(events: readonly Publication[]): Promise<void> {
    for (const event of events) await this.#port.publish({ ...event, stream: this.#stream });
  }

  /** The position from which a client would resume: the last position of the stream that it received. */
  #last(client: Client): Json | undefined {
    const frames = this.#context.trace.frames.filter(({ actor, dir }) => actor === client && dir === '<<');
    for (const frame of frames.toReversed()) {
      const data = dataOf(frame);
      const position = typeOf(frame) === 'event' ? data : member(data, 'position');
      const place = textAt(data, 'stream') === this.#stream ? placeOf(position) : undefined;
      if (place !== undefined) return { ...place };
    }
    return undefined;
  }

  #replay(client: Client, mode: 'none' | 'warm' | 'resume'): JsonObject {
    const after = mode === 'resume' ? this.#last(client) : undefined;
    if (mode === 'resume') return after === undefined ? { mode: 'warm' } : { mode, after };
    return { mode };
  }

  async #malformed(client: Client, message: Json): Promise<void> {
    const connection = await this.#connection(client);
    const before = connection.received.length;
    connection.sendText(JSON.stringify(message), 'malformed');
    await connection.find(
      (frame) => connection.received.indexOf(frame) >= before && typeOf(frame) === 'error',
      this.#patience,
    );
  }

  async run(operation: Operation): Promise<void> {
    switch (operation.op) {
      case 'subscribe': {
        const { client, id, events, filter, mode, meanwhile } = operation;
        const replay = this.#replay(client, mode);
        const data = { subscriptionId: id, stream: this.#stream, events, filter, replay };
        await Promise.all([this.#ask(client, 'subscribe', data), this.#publish(meanwhile)]);
        return;
      }
      case 'unsubscribe':
        return this.#ask(operation.client, 'unsubscribe', { subscriptionId: operation.id });
      case 'unsubscribe_all':
        return this.#ask(operation.client, 'unsubscribe', { all: true });
      case 'publish':
        return this.#publish(operation.events);
      case 'sync':
        return this.#ask(operation.client, 'sync', { stream: this.#stream });
      case 'ping':
        return this.#ask(operation.client, 'ping', {});
      case 'list':
        return this.#ask(operation.client, 'list_subscriptions', {});
      case 'reconnect':
        await (await this.#connection(operation.client)).end({}, this.#patience);
        return;
      case 'malformed':
        return this.#malformed(operation.client, operation.message);
      default:
    }
  }

  /**
   * Sends a last `sync` on each connection and waits for the reply, so that every event has arrived. Then marks in the
   * trace that every reply must have come by now.
   */
  async finish(): Promise<void> {
    for (const client of CLIENTS)
      if (this.#connections.has(client)) await this.#ask(client, 'sync', { stream: this.#stream });
    const { trace } = this.#context;
    trace.add({ actor: 'runner', connection: 0, dir: '>>', kind: 'mark', text: QUIET_MARK, check: CHECK });
  }

  async close(): Promise<void> {
    for (const connection of this.#connections.values())
      if (connection.isOpen) await connection.end({ code: 1000 }, this.#patience);
  }
}

/** Opens a witness on the stream, so that the trace shows every emitted event. */
async function watch(context: RunContext, stream: string): Promise<Connection> {
  const options = { actor: 'witness', spec: {}, check: CHECK, timeoutMs: PATIENCE_MS * context.timeScale };
  const witness = new Connection(context, options);
  await witness.open(options);
  const data = { subscriptionId: 'witness', stream, events: ['*'], replay: { mode: 'none' } };
  await witness.sendCommand(JSON.stringify({ type: 'subscribe', id: 'witness', data }));
  await witness.find((frame) => textAt(frame.json, 'id') === 'witness', options.timeoutMs);
  return witness;
}

/** @throws {StarvedError} if the machine was too busy since `from` for a failure to prove anything */
function assertCertain(from: number, run: RunContext): void {
  const doubt = doubtSince(from, run);
  if (doubt?.ifRepeated === 'proves nothing') throw new StarvedError(doubt.reason);
}

/** Runs an exchange. The caller gives a new stream for each run, so that a repeated exchange also starts from an empty stream. */
export async function runExchange(
  operations: readonly Operation[],
  run: RunContext,
  stream: string,
): Promise<ExchangeRun> {
  const trace = new Trace(
    { trace: TRACE_VERSION, startedAt: new Date().toISOString(), target: run.config.url },
    run.now,
  );
  const context: RunContext = { ...run, trace };
  const from = run.now();
  const port = await openPort('publish', { context, check: CHECK });
  let witness: Connection | undefined;
  const runner = new OperationRunner(context, stream, port);
  try {
    witness = await watch(context, stream);
    for (const operation of operations) await runner.run(operation);
    await runner.finish();
  } catch (error) {
    if (error instanceof StimulusError) assertCertain(from, run);
    throw error;
  } finally {
    port.close();
    await runner.close();
    await witness?.end({ code: 1000 }, PATIENCE_MS);
  }
  for (const mark of run.trace.frames) if (mark.at >= from && isPauseMark(mark)) trace.add(mark);
  const violations = TRACE_CHECKS.flatMap(({ id, judge }) =>
    judge(trace).violations.map((each) => ({ ...each, check: id })),
  );
  if (violations.length === 0) return { trace, violations };
  assertCertain(from, run);
  return { trace, violations };
}
