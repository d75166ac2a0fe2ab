/**
 * The neighbour: an ordinary client. It runs in its own thread, so that it measures delays of the gateway and not of
 * the pack. During the whole run it sends pings, publishes a few events and receives them. It is also the witness: it
 * receives, and reports, every event that the gateway should have refused.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { setTimeout as wait } from 'node:timers/promises';
import { ERRORS } from '../../generated/protocol.ts';
import { member, textAt, tryParse } from '../trace/json.ts';
import { OPCODE, clientFrame } from './frame.ts';
import { ask, readGatewayMetrics } from './gateway-metrics.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Sample, SampleKind } from './latency.ts';
import { upgrade } from './run-case.ts';
import type { HostileContext } from './steps.ts';
import { Wire } from './wire.ts';
import type { Message } from './wire.ts';

export interface NeighbourSetting {
  readonly context: HostileContext;
  /** Identifies the events of this run. */
  readonly nonce: string;
  readonly publish: 'command' | 'http' | 'none';
}

/** Messages from the run to the neighbour. */
export type NeighbourOrder = { readonly kind: 'fence'; readonly number: number } | { readonly kind: 'finish' };

/** Messages from the neighbour to the run. */
export type NeighbourReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'samples'; readonly samples: readonly Sample[] }
  | { readonly kind: 'metrics'; readonly metrics: GatewayMetrics }
  /** An event with the run's nonce that the neighbour did not publish. */
  | { readonly kind: 'stray'; readonly text: string }
  | { readonly kind: 'lost'; readonly why: string; readonly at: number }
  | { readonly kind: 'dead' }
  /** The answer to the order `fence`: the gateway has replied to the neighbour since that order. */
  | { readonly kind: 'fence'; readonly number: number }
  | { readonly kind: 'done'; readonly published: number; readonly received: number };

const PING_EVERY_MS = 20;
const COMMAND_EVERY_MS = 100;
const EVENT_EVERY_MS = 50;
const METRICS_EVERY_MS = 1000;
const REPORT_EVERY_MS = 100;
const SUBSCRIBED_WITHIN_MS = 5000;
const FENCE_EVERY_MS = 200;
const TRICKLE = 'hostile_trickle';
const RECONNECT_TRIES = 25;

const { context, nonce, publish } = workerData as NeighbourSetting;
const stream = `session:hostile-${nonce}`;
const headers = Object.fromEntries(context.credential);

/** Milliseconds since the Unix epoch, so that times of two threads can be compared. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

function report(message: NeighbourReport): void {
  parentPort?.postMessage(message, []);
}

/** An event that the neighbour has published, and that has not arrived yet. */
interface Publication {
  readonly sentAt: number;
  /** Whether the gateway has confirmed it, so that the event must arrive. */
  accepted: boolean;
}

/** `unknown` if there is no reply, or if the gateway failed: the event may then arrive. */
type Outcome = 'accepted' | 'refused' | 'unknown';

/** The outcome of a publication whose reply is an error with this code. */
function outcomeOf(code: unknown): Outcome {
  const status = Object.entries(ERRORS).find(([known]) => known === code)?.[1].httpStatus;
  return status === undefined || status >= 500 ? 'unknown' : 'refused';
}

class Neighbour {
  /** The connection; undefined while a new one is opened and subscribed. */
  #wire: Wire | undefined;
  #finishing = false;
  #samples: Sample[] = [];
  readonly #frames = new Map<string, number>();
  readonly #commands = new Map<string, number>();
  /** The numbers of the events that unanswered `broadcast` commands publish, by the id of the command. */
  readonly #broadcasts = new Map<string, number>();
  readonly #publications = new Map<number, Publication>();
  /** The numbers of the events that have arrived. */
  readonly #received = new Set<number>();
  /** The numbers of the events that the gateway refused to publish. */
  readonly #refused = new Set<number>();
  #serial = 0;
  #lastPong = 0;
  #lastNumber = 0;

  async connect(): Promise<void> {
    const wire = await Wire.open(context.target, { secrets: [] });
    const fault = await upgrade(wire, context);
    if (fault !== undefined) {
      wire.destroy();
      throw new Error(fault);
    }
    wire.listen({ onMessage: (message) => this.#take(message), onPong: (payload) => this.#takePong(payload) });
    const ids = ['main', stream].map((each) =>
      this.#command(wire, 'subscribe', { stream: each, events: ['*'], replay: { mode: 'none' } }),
    );
    const isSettled = (): boolean => wire.ending !== 'open' || !ids.some((id) => this.#commands.has(id));
    await wire.until(isSettled, SUBSCRIBED_WITHIN_MS);
    this.#wire = wire;
  }

  /** Runs all loops until the end of the run. Reports a lost connection and opens a new one. */
  async run(): Promise<void> {
    await this.connect();
    report({ kind: 'ready' });
    const loops = [
      this.#every(PING_EVERY_MS, () => this.#ping()),
      this.#every(COMMAND_EVERY_MS, () => this.#sendPing()),
      this.#every(METRICS_EVERY_MS, () => this.#readMetrics()),
      this.#every(REPORT_EVERY_MS, () => this.#flush()),
    ];
    if (publish !== 'none') loops.push(this.#every(EVENT_EVERY_MS, () => this.#publish()));
    await Promise.all(loops);
  }

  /** Waits until the gateway has replied, on any connection, to a ping sent after this call. Then reports that. */
  async fence(number: number): Promise<void> {
    const since = this.#serial;
    while (this.#lastPong <= since && !this.#finishing) {
      this.#ping();
      const wire = this.#wire;
      await (wire === undefined ? wait(FENCE_EVERY_MS) : wire.until(() => this.#lastPong > since, FENCE_EVERY_MS));
    }
    this.#flush();
    report({ kind: 'fence', number });
  }

  async finish(): Promise<void> {
    this.#finishing = true;
    await this.#wire?.until(() => this.#publications.size === 0, 3000);
    await this.#readMetrics();
    this.#flush();
    const missed = [...this.#publications.values()].filter(({ accepted }) => accepted).length;
    report({ kind: 'done', published: this.#received.size + missed, received: this.#received.size });
    this.#wire?.destroy();
  }

  async #every(ms: number, act: () => void | Promise<void>): Promise<void> {
    while (!this.#finishing) {
      await this.#mend();
      await act();
      await wait(ms);
    }
  }

  async #mend(): Promise<void> {
    const wire = this.#wire;
    if (wire === undefined || wire.ending === 'open') return;
    this.#wire = undefined;
    // What the lost connection did not deliver counts as one loss, not also as missed events.
    for (const each of [this.#frames, this.#commands, this.#broadcasts, this.#publications]) each.clear();
    report({ kind: 'lost', why: wire.close === undefined ? wire.ending : `close ${wire.close.code}`, at: now() });
    for (let tries = 0; tries < RECONNECT_TRIES; tries += 1) {
      try {
        await this.connect();
        return;
      } catch {
        await wait(100);
      }
    }
    report({ kind: 'dead' });
    this.#finishing = true;
  }

  #ping(): void {
    if (this.#wire === undefined) return;
    this.#serial += 1;
    const payload = String(this.#serial);
    this.#frames.set(payload, now());
    void this.#wire.write(clientFrame(OPCODE.ping, payload));
  }

  #sendPing(): void {
    if (this.#wire !== undefined) this.#command(this.#wire, 'ping', {});
  }

  /** @returns the id of the command */
  #command(wire: Wire, type: string, data: object): string {
    this.#serial += 1;
    const id = `n${this.#serial}`;
    this.#commands.set(id, now());
    void wire.write(clientFrame(OPCODE.text, JSON.stringify({ type, id, data })));
    return id;
  }

  async #publish(): Promise<void> {
    const wire = this.#wire;
    if (wire === undefined) return;
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    this.#publications.set(number, { sentAt: now(), accepted: false });
    const data = { stream, event: TRICKLE, payload: { number } };
    if (publish === 'command') this.#broadcasts.set(this.#command(wire, 'broadcast', data), number);
    else {
      const { status, body } = await ask(context.target, `${context.target.path}/broadcast`, {
        headers,
        body: JSON.stringify(data),
      });
      const code = textAt(member(tryParse(body), 'data'), 'code');
      this.#settle(number, status === 200 ? 'accepted' : outcomeOf(code));
    }
  }

  /** Records the reply to a publication. The neighbour does not wait for a refused event, and reports it if it arrives. */
  #settle(number: number, outcome: Outcome): void {
    const publication = this.#publications.get(number);
    if (outcome === 'accepted' && publication !== undefined) publication.accepted = true;
    if (outcome !== 'refused') return;
    this.#publications.delete(number);
    this.#refused.add(number);
    if (this.#received.has(number)) this.#reportRefused(number);
  }

  #reportRefused(number: number): void {
    report({ kind: 'stray', text: `number ${number} of the neighbour's own events, which the gateway refused` });
  }

  async #readMetrics(): Promise<void> {
    const metrics = await readGatewayMetrics(context.target, headers);
    if (metrics !== undefined) report({ kind: 'metrics', metrics });
  }

  #measure(kind: SampleKind, sentAt: number | undefined): void {
    if (sentAt !== undefined) this.#samples.push({ kind, sentAt, ms: now() - sentAt });
  }

  #take(message: Message): void {
    const { type, id, data } = message;
    if (type === 'event') this.#takeEvent(data);
    if (id === undefined) return;
    if (type === 'pong') this.#measure('command', this.#commands.get(id));
    this.#commands.delete(id);
    const number = this.#broadcasts.get(id);
    if (number !== undefined) this.#settle(number, type === 'broadcasted' ? 'accepted' : outcomeOf(data['code']));
    this.#broadcasts.delete(id);
  }

  #takeEvent(data: Message['data']): void {
    const payload = data['payload'] as { readonly number?: number };
    if (data['event'] === TRICKLE && data['stream'] === stream && payload.number !== undefined) {
      this.#measure('event', this.#publications.get(payload.number)?.sentAt);
      if (this.#publications.delete(payload.number)) this.#received.add(payload.number);
      else if (this.#refused.has(payload.number)) this.#reportRefused(payload.number);
      return;
    }
    const text = JSON.stringify(data);
    if (text.includes(nonce)) report({ kind: 'stray', text });
  }

  #flush(): void {
    if (this.#samples.length > 0) report({ kind: 'samples', samples: this.#samples });
    this.#samples = [];
  }

  #takePong(payload: Buffer): void {
    const key = payload.toString();
    this.#measure('frame', this.#frames.get(key));
    this.#frames.delete(key);
    this.#lastPong = Math.max(this.#lastPong, Number(key));
  }
}

const neighbour = new Neighbour();
parentPort?.on('message', (order: NeighbourOrder) => {
  if (order.kind === 'fence') void neighbour.fence(order.number);
  else void neighbour.finish().then(() => parentPort?.close());
});
await neighbour.run();
