/**
 * A gateway with slow readers, simulated without a network and without a clock. The broker, fan-out, router, handlers, connections,
 * outboxes and heartbeats are the real ones. The sockets are simulated: the schedule determines how many bytes they accept. A seed
 * determines the schedule, so a violation can be repeated.
 */
import { Audit } from '../../auth/audit.ts';
import { ANONYMOUS, NOBODY } from '../../auth/principal.ts';
import type { Authenticator } from '../../auth/authenticator.ts';
import { parseScope } from '../../auth/scope.ts';
import { MemoryBroker } from '../../broker/memory.ts';
import { stockCatalogue } from '../../catalogue/catalogue.ts';
import { eventTable } from '../../catalogue/event-table.ts';
import { Connection } from '../../connections/connection.ts';
import { WebSocketLink } from '../../connections/websocket-link.ts';
import { Heartbeat } from '../../connections/heartbeat.ts';
import { ReplayBlocks } from '../../delivery/replay-blocks.ts';
import { Fanout } from '../../delivery/fan-out.ts';
import { FlushScheduler } from '../../delivery/flush-scheduler.ts';
import { SendQueueBudget } from '../../delivery/send-queue-budget.ts';
import type { Outbox } from '../../delivery/outbox.ts';
import { SubscriptionRegistry } from '../../delivery/subscription-registry.ts';
import type { HandlerContext, HandlerServices } from '../../handlers/context.ts';
import { HANDLERS } from '../../handlers/table.ts';
import { Counters } from '../../introspection/counters.ts';
import { resolveLimits } from '../../options.ts';
import { Publisher } from '../../publishing/publisher.ts';
import { Router } from '../../session/router.ts';
import { Session } from '../../session/session.ts';
import { TurnBudget } from '../../session/turn-budget.ts';
import { Random } from './random.ts';
import { SimulatedSocket, SimulatedWs } from './simulated-peer.ts';
import type { WrittenFrame } from './simulated-peer.ts';

export const STREAMS = ['main', 'workspace:a'] as const;
const NAMES = ['tick', 'file_change'] as const;

/** A published event, whether or not any client received it. */
export interface TrueEvent {
  readonly event: string;
  readonly sequenceId: number;
  readonly step: number;
  /** False if the broker lost the event before it reached this node. The broker then reported a loss instead. */
  readonly arrived: boolean;
}

/** A subscription that a client requested. */
export interface Asked {
  readonly id: string;
  readonly stream: string;
  readonly events: readonly string[];
  readonly step: number;
  /** The step of the command that ended the subscription; undefined if it did not end. */
  ended: number | undefined;
}

export interface Peer {
  readonly connection: Connection;
  readonly session: Session;
  readonly socket: SimulatedSocket;
  readonly ws: SimulatedWs;
  readonly asked: Asked[];
  /** For the id of each command: the step in which the command was processed, and how many events each stream had then. */
  readonly commands: Map<
    string,
    { readonly type: string; readonly step: number; readonly heads: ReadonlyMap<string, number> }
  >;
}

/** Flushes outboxes only in the steps that the schedule selects. */
class SteppedScheduler extends FlushScheduler {
  #due = new Set<Outbox>();

  override schedule(outbox: Outbox): void {
    this.#due.add(outbox);
  }

  run(): void {
    const due = this.#due;
    this.#due = new Set();
    this.chain.clear();
    for (const outbox of due) outbox.flush(Infinity);
  }
}

const NARROW = { ...NOBODY, scopes: [parseScope('subscribe:tick')] };
const AUTHENTICATOR: Authenticator = {
  required: true,
  anonymous: NOBODY,
  authenticate: ({ value }) => Promise.resolve(value === 'narrow' ? NARROW : ANONYMOUS),
  onRevoked: () => undefined,
  close: () => Promise.resolve(),
};

export class Simulation {
  readonly random: Random;
  readonly truth = new Map<string, TrueEvent[]>(STREAMS.map((stream) => [stream, []]));
  readonly peers: Peer[] = [];
  readonly faults: unknown[] = [];
  /** The step in which each loss was reported. The key is the directory of a source loss, or `stream>number` for a loss of the broker. */
  readonly losses = new Map<string, number>();
  readonly epochs = new Map<string, string>();
  step = 0;
  readonly #broker: MemoryBroker;
  readonly #fanout: Fanout;
  readonly #scheduler: SteppedScheduler;
  readonly #heartbeat: Heartbeat;
  readonly #services: HandlerServices;
  readonly #router: Router<HandlerContext>;
  readonly #limits: ReturnType<typeof resolveLimits>;
  #arriving = true;
  #serial = 0;
  #now = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    const now = (): number => this.#now;
    this.#limits = resolveLimits({
      commandBurst: 100_000,
      commandsPerSecond: 100_000,
      sendQueueBytes: this.random.pick([16_384, 1_048_576, 1_048_576]),
      sendQueueMessages: 100_000,
      historyEvents: this.random.pick([8, 10_000]),
    });
    const limits = this.#limits;
    this.#scheduler = new SteppedScheduler(limits);
    const events = eventTable();
    this.#broker = new MemoryBroker({ limits, events, now });
    const counters = new Counters();
    const headOf = (stream: string): ReturnType<MemoryBroker['snapshot']>['head'] => this.#broker.snapshot(stream).head;
    this.#fanout = new Fanout({ counters, catalogue: stockCatalogue, now, headOf });
    const audit = new Audit();
    this.#heartbeat = new Heartbeat({
      intervalMs: 600_000,
      broker: this.#broker,
      changedSince: (change, selectors) => this.#fanout.changedSince(change, selectors),
      now,
    });
    this.#services = {
      broker: this.#broker,
      catalogue: stockCatalogue,
      registry: new SubscriptionRegistry({ broker: this.#broker, fanout: this.#fanout, limits }),
      replayBlocks: new ReplayBlocks(),
      publisher: new Publisher({ counters, broker: this.#broker, catalogue: stockCatalogue, limits, audit }),
      authenticator: AUTHENTICATOR,
      audit,
      limits,
      events,
      broadcast: 'off',
      counters,
      // No limit, so that a step runs all of its commands, even on a slow machine.
      turn: new TurnBudget(Infinity),
      now,
      onPrincipal: () => undefined,
    };
    this.#router = new Router<HandlerContext>({
      handlers: HANDLERS,
      catalogue: stockCatalogue,
      limits,
      audit,
      onFault: (error) => this.faults.push(error),
      onUnauthenticated: () => undefined,
      onAnswered: () => undefined,
      onError: () => undefined,
    });
  }

  async start(): Promise<void> {
    await this.#broker.start({
      nodeId: 'n',
      onEvent: (record) => {
        if (this.#arriving) this.#fanout.deliver(record);
      },
      onLoss: () => undefined,
      onUnnamedLoss: (pattern) => this.#fanout.reportUnnamedLoss(pattern),
      onSourceLoss: (loss) => this.#fanout.reportSourceLoss(loss),
      onEnded: (stream) => this.#fanout.reportEnd(stream),
      onHealth: () => undefined,
      onQuestion: () => undefined,
    });
    // The streams stay attached during the whole schedule, so that their epochs do not change.
    for (const stream of STREAMS) {
      await this.#broker.attach(stream);
      this.epochs.set(stream, this.#broker.snapshot(stream).head.epoch);
    }
  }

  stop(): void {
    this.#heartbeat.close();
    void this.#broker.close();
  }

  connect(): Peer {
    const [socket, ws] = [new SimulatedSocket(), new SimulatedWs()];
    const now = (): number => this.#now;
    this.#serial += 1;
    const session = new Session({
      connectionId: `c${this.#serial}`,
      principal: ANONYMOUS,
      authenticated: 'yes',
      remoteAddress: '127.0.0.1',
      limits: this.#limits,
      now,
    });
    const connection = new Connection({
      link: new WebSocketLink(ws.asWebSocket(), socket.asDuplex()),
      session,
      settings: {
        services: this.#services,
        router: this.#router,
        scheduler: this.#scheduler,
        queues: new SendQueueBudget(Infinity, () => undefined),
        limits: this.#limits,
        now,
        random: () => 0.5,
        onFault: (error) => this.faults.push(error),
        onClosing: () => undefined,
        onClose: () => undefined,
      },
    });
    const peer = { connection, session, socket, ws, asked: [], commands: new Map() };
    this.peers.push(peer);
    return peer;
  }

  /** Begins the next step, and runs a function in it. Everything until the next call belongs to this step. */
  async next(happens: () => void | Promise<unknown>): Promise<void> {
    this.step += 1;
    this.#now += 1;
    for (const { socket } of this.peers) socket.step = this.step;
    await happens();
    // Handlers on the memory broker wait only for promises. A few turns of the microtask queue complete them.
    for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
  }

  async publish(stream: string): Promise<void> {
    const event = this.random.pick(NAMES);
    const fill = 'x'.repeat(this.random.pick([10, 200, 3000]));
    const payload =
      event === 'tick'
        ? { fill }
        : { path: `src/${fill.slice(0, 20)}.ts`, root: 'r', changeType: 'modify', fileType: 'file' };
    const { sequenceId } = await this.#broker.publish({
      stream,
      event,
      payload,
      source: { name: 's', principal: 'p' },
    });
    this.truth.get(stream)?.push({ event, sequenceId, step: this.step, arrived: this.#arriving });
  }

  /** Publishes events that are lost before they reach the subscribers of this node, and reports a gap to them (GAP-1). */
  async lose(stream: string): Promise<void> {
    const from = this.#broker.snapshot(stream).head;
    this.#arriving = false;
    await this.publish(stream);
    await this.publish(stream);
    this.#arriving = true;
    const to = this.#broker.snapshot(stream).head;
    this.losses.set(`${stream}>${to.sequenceId}`, this.step);
    this.#fanout.reportLoss({ stream, from, to, reason: 'broker_lost' });
  }

  async loseFiles(stream: string): Promise<void> {
    const path = `lost-${this.step}`;
    this.losses.set(path, this.step);
    await this.#broker.announce({ stream, paths: [path] });
  }

  command(peer: Peer, type: string, data: Record<string, unknown>): void {
    this.#serial += 1;
    const id = `k${this.#serial}`;
    const heads = new Map([...this.truth].map(([stream, events]) => [stream, events.length]));
    peer.commands.set(id, { type, step: this.step, heads });
    peer.ws.send(JSON.stringify({ type, id, data }));
  }

  subscribe(peer: Peer, stream: string, events: readonly string[], replay: Record<string, unknown>): void {
    this.#serial += 1;
    const id = `s${this.#serial}`;
    peer.asked.push({ id, stream, events, step: this.step, ended: undefined });
    this.command(peer, 'subscribe', { subscriptionId: id, stream, events, replay });
  }

  unsubscribe(peer: Peer, asked: Asked): void {
    asked.ended ??= this.step;
    this.command(peer, 'unsubscribe', { subscriptionId: asked.id });
  }

  authenticate(peer: Peer, token: 'narrow' | 'wide'): void {
    this.command(peer, 'authenticate', { token });
    if (token === 'wide') return;
    for (const each of peer.asked) if (each.events[0] !== 'tick') each.ended ??= this.step;
  }

  beat(peer: Peer): void {
    if (!peer.session.closed) this.#heartbeat.beat(peer.connection);
  }

  flush(): void {
    this.#scheduler.run();
  }

  /** Lets all peers read until no message is queued. */
  async drain(): Promise<void> {
    for (let round = 0; round < 10_000; round += 1) {
      await this.next(() => this.flush());
      const waiting = this.peers.filter(({ socket }) => socket.writableLength > 0);
      if (waiting.length === 0) return;
      for (const { socket } of waiting) socket.read(Infinity);
    }
    throw new Error('The simulation did not become idle.');
  }

  framesOf(peer: Peer): readonly WrittenFrame[] {
    return peer.socket.frames();
  }
}
