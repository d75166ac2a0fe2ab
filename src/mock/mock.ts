/**
 * A gateway for front-end developers and tests. It consists of the real gateway, which publishes the examples of its contract, and a relay
 * in front of it that causes faults on demand. Without a fault, clients receive exactly what the gateway sends.
 */
import { createGateway } from '../gateway.ts';
import type { Gateway, GatewayOptions } from '../gateway.ts';
import type { BuiltContract } from '../catalogue/built-contract.ts';
import { examplesOf } from './examples.ts';
import type { ExampleEvent } from './examples.ts';
import { Faults } from './faults.ts';
import { Relay } from './relay.ts';
import { Replayer } from './replayer.ts';
import type { ReplayerOptions } from './replayer.ts';

export interface MockOptions {
  readonly contract?: BuiltContract;
  readonly host: string;
  readonly port: number;
  /** Time between two events, in milliseconds. If it is 0, events are published only on request. */
  readonly everyMs: number;
  /** Names of the events to publish. By default, all declared events are published in turn. */
  readonly events: readonly string[];
  /** Events to publish once, in order, instead of the examples. */
  readonly script?: readonly ExampleEvent[];
  /** A recording to replay. If it is given, no gateway runs. */
  readonly replay?: ReplayerOptions;
  readonly gateway?: Pick<GatewayOptions, 'limits' | 'log'>;
  /** Called after each attempt to publish an event. `problem` is the error message if the attempt failed. */
  readonly onPublish?: (event: string, problem?: string) => void;
}

/** Thrown if the mock replays a recording, and therefore cannot fulfil the request. */
export class ReplayingError extends Error {
  override readonly name = 'ReplayingError';

  constructor() {
    super('The mock replays a recording, so it publishes no events. Start it without --replies to publish.');
  }
}

/** Thrown if the contract does not declare an event with this name. */
export class UnknownEventError extends Error {
  override readonly name = 'UnknownEventError';
}

export interface Listening {
  readonly url: string;
  readonly httpUrl: string;
  readonly port: number;
}

export class Mock {
  readonly faults = new Faults();
  readonly #options: MockOptions;
  readonly #examples: ReadonlyMap<string, readonly ExampleEvent[]>;
  readonly #relay: Relay;
  readonly #queue: readonly ExampleEvent[];
  #gateway: Gateway | Replayer;
  #port = 0;
  #next = 0;
  #published = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The latest restart. The next restart waits for it. */
  #restarted: Promise<void> = Promise.resolve();

  /** @throws {UnknownEventError} if an event is not declared */
  constructor(options: MockOptions) {
    this.#options = options;
    this.#examples = examplesOf(options.contract?.location);
    this.#queue = options.script ?? this.#chosen(options.events);
    this.#gateway = this.#makeGateway();
    this.#relay = new Relay({
      faults: this.faults,
      port: () => this.#port,
      onSubscribed: () => {
        // A script starts when the first client has subscribed, so that this client receives all its events.
        if (options.script !== undefined) this.#startTimer();
      },
    });
  }

  #makeGateway(): Gateway | Replayer {
    const { contract, gateway, replay } = this.#options;
    if (replay !== undefined) return new Replayer(replay);
    return createGateway({ broadcast: 'on', ...gateway, ...(contract === undefined ? {} : { contract }) });
  }

  /** The examples to publish, in turn: first one example of each event, so that every event is published early. */
  #chosen(names: readonly string[]): readonly ExampleEvent[] {
    const unknown = names.find((name) => !this.#examples.has(name));
    if (unknown !== undefined)
      throw new UnknownEventError(
        `The contract does not declare the event ${unknown}; its events are ${[...this.#examples.keys()].join(', ')}.`,
      );
    const lists = [...this.#examples].filter(([name]) => names.length === 0 || names.includes(name));
    const longest = Math.max(0, ...lists.map(([, list]) => list.length));
    return Array.from({ length: longest }, (_, index) => lists.flatMap(([, list]) => list[index] ?? [])).flat();
  }

  get events(): readonly string[] {
    return [...this.#examples.keys()];
  }

  get state(): object {
    const { delayMs, jitterMs, silentUntil, commands, upgrades } = this.faults;
    return {
      connections: this.#relay.connections,
      published: this.#published,
      ...(this.#gateway instanceof Replayer ? { replay: this.#gateway.progress } : { events: this.events }),
      faults: { delayMs, jitterMs, silentMs: Math.max(0, silentUntil - Date.now()), commands, upgrades },
    };
  }

  async start(): Promise<Listening> {
    const { host, port, script } = this.#options;
    this.#port = await this.#listen();
    const bound = await this.#relay.listen({ host, port });
    if (script === undefined) this.#startTimer();
    const shown = host.includes(':') ? `[${host}]` : host;
    return { url: `ws://${shown}:${bound}/ws`, httpUrl: `http://${shown}:${bound}`, port: bound };
  }

  async #listen(): Promise<number> {
    return this.#gateway instanceof Replayer ? this.#gateway.listen() : (await this.#gateway.listen({ port: 0 })).port;
  }

  /** @throws {ReplayingError} if the mock replays a recording */
  #publisher(): Gateway {
    if (this.#gateway instanceof Replayer) throw new ReplayingError();
    return this.#gateway;
  }

  #startTimer(): void {
    const { everyMs, replay } = this.#options;
    if (everyMs > 0 && replay === undefined) this.#timer ??= setInterval(() => void this.#publishNext(), everyMs);
  }

  async #publishNext(): Promise<void> {
    const { script } = this.#options;
    const item = script === undefined ? this.#queue[this.#next % this.#queue.length] : this.#queue[this.#next];
    this.#next += 1;
    if (item === undefined) return clearInterval(this.#timer);
    try {
      await this.publish(item);
      this.#options.onPublish?.(item.event);
    } catch (error) {
      this.#options.onPublish?.(item.event, error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * Publishes an event through the gateway.
   * @throws {ReplayingError} if the mock replays a recording
   * @throws {ProtocolError} if the gateway refuses the event, for example because the payload does not match the contract
   */
  async publish({ event, payload, stream }: ExampleEvent): Promise<object> {
    const result = await this.#publisher().publish(event, payload, {
      source: 'mock',
      ...(stream === undefined ? {} : { stream }),
    });
    this.#published += 1;
    return result;
  }

  /** The first example of an event. */
  exampleOf(event: string): ExampleEvent | undefined {
    return this.#examples.get(event)?.[0];
  }

  /** Reports that a source has lost events: clients receive a `gap` that lists directories to read again (GAP-2). */
  async loseSource(stream: string, paths: readonly string[]): Promise<void> {
    await this.#publisher().announceLoss({ stream, paths });
  }

  closeAll(name: Parameters<Relay['closeAll']>[0]): number {
    return this.#relay.closeAll(name);
  }

  cutAll(): number {
    return this.#relay.cutAll();
  }

  /**
   * Replaces the gateway by a new one: all connections end, history is empty, and each stream has a new epoch. If the mock replays a
   * recording, the recording starts again. Restarts run one after another, so that the relay always uses the port of the newest gateway.
   */
  restart(): Promise<void> {
    const restart = this.#restarted.then(() => this.#replaceGateway());
    this.#restarted = restart.catch(() => undefined);
    return restart;
  }

  async #replaceGateway(): Promise<void> {
    const old = this.#gateway;
    this.#relay.cutAll();
    this.#gateway = this.#makeGateway();
    this.#port = await this.#listen();
    await closeNow(old);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#relay.close();
    await this.#restarted;
    await closeNow(this.#gateway);
  }
}

function closeNow(server: Gateway | Replayer): Promise<void> {
  return server instanceof Replayer ? server.close() : server.close({ drainMs: 0 });
}
