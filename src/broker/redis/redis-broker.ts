/**
 * The broker for several nodes. Redis has the order and the history of all streams. Each node has a contiguous mirror of each stream that
 * it has attached.
 *
 *   publish ─► publisher ─► lua/publish.lua ═► log + channel
 *   channel ─► mirror ─► onEvent        after a missing or repeated message, or a reconnect, the mirror reads the log
 *     each second: a heartbeat, a renewal of the lease (fence/registry), and a check of each stream's head, because a message may be lost
 *   after a change of the server, the fence (fence/) decides whether the epoch continues
 *
 * keys.ts describes the keys.
 *
 * @module tidemark/redis
 */
import { BROKER_RETRY_MS } from '../broker.ts';
import { ulid } from 'ulid';
import { ProtocolError } from '../../errors.ts';
import type { Budget } from '../../replay/budget.ts';
import type { EventTable } from '../../catalogue/event-table.ts';
import { ttlOf } from '../history-bounds.ts';
import type {
  Broker,
  BrokerContext,
  BrokerFactory,
  BrokerHealth,
  BrokerLimits,
  BrokerListener,
  BrokerLog,
  EventDraft,
  FollowedStream,
  NodeAnswers,
  Position,
  PublishResult,
  Snapshot,
  SourceLoss,
  StreamInfo,
} from '../broker.ts';
import { encodeContent } from '../event-encoding.ts';
import { growingIds } from '../event-id.ts';
import { AttachedStreams } from './attached-streams.ts';
import { Availability } from './availability.ts';
import { RedisConnection } from './connection.ts';
import { EpochFence } from './fence/epoch-fence.ts';
import { NodeRegistry } from './fence/registry.ts';
import { RedisHeartbeat } from './heartbeat.ts';
import { RedisKeys } from './keys.ts';
import { announcementOf, RedisNodes } from './nodes.ts';
import { RedisPublisher } from './publisher.ts';
import { parseEntered } from './appearance.ts';
import { StreamIndex } from './stream-index.ts';
import { checkServer } from './server-checks.ts';
import { parseRedisUrl } from './url.ts';
import type { RedisAddress } from './url.ts';
import { namesPerKey, retainOf } from './retain.ts';

export interface RedisBrokerOptions {
  /** The address of Redis. url.ts describes the accepted forms. */
  readonly url: string;
  readonly limits: BrokerLimits;
  /** The events of the contract. Their replay policies determine which events Redis retains: the newest one, or one per key (RPL-3). */
  readonly events: EventTable;
  /** The id of this node, unique among the nodes that share the Redis; random by default. */
  readonly nodeId?: string;
  readonly log?: BrokerLog;
  readonly commandTimeoutMs?: number;
  readonly heartbeatIntervalMs?: number;
  readonly deadAfterMs?: number;
  /** If this node cannot reach Redis for this time, in milliseconds, the other nodes treat it as stopped (docs/decisions/0007). */
  readonly leaseMs?: number;
  /** How long a stream without events and without subscribers is kept, in milliseconds; by default one hour. */
  readonly blankTtlMs?: number;
  /** Maximum number of events that Redis has not acknowledged yet. Further events are rejected. */
  readonly maxPendingPublishes?: number;
}

/** Creates a broker for `createGateway({ broker: redisBroker({ url }) })`. */
export function redisBroker(options: Omit<RedisBrokerOptions, keyof BrokerContext>): BrokerFactory {
  return (context) => new RedisBroker({ ...options, ...context });
}

const SILENT: BrokerLog = { info: () => undefined, warn: () => undefined };

export class RedisBroker implements Broker {
  readonly kind = 'redis';
  readonly #options: RedisBrokerOptions;
  readonly #log: BrokerLog;
  readonly #nodeId: string;
  readonly #keys: RedisKeys;
  readonly #connection: RedisConnection;
  readonly #address: RedisAddress;
  readonly #heartbeat: RedisHeartbeat;
  readonly #registry: NodeRegistry;
  readonly #nodes: RedisNodes;
  readonly #fence: EpochFence;
  readonly #publisher: RedisPublisher;
  readonly #streams: AttachedStreams;
  readonly #availability: Availability;
  readonly #newId = growingIds();
  #listener: BrokerListener | undefined;

  constructor(options: RedisBrokerOptions) {
    const address = parseRedisUrl(options.url);
    const nodeId = options.nodeId ?? ulid();
    const { limits, events, heartbeatIntervalMs: intervalMs = 1_000, deadAfterMs = 2_500 } = options;
    const { blankTtlMs = 3_600_000 } = options;
    const timing = { intervalMs, deadAfterMs };
    this.#options = options;
    this.#address = address;
    this.#nodeId = nodeId;
    this.#log = options.log ?? SILENT;
    this.#keys = new RedisKeys(address);
    this.#connection = new RedisConnection({
      address,
      commandTimeoutMs: options.commandTimeoutMs ?? 1_000,
      log: this.#log,
      events: {
        onMessage: (channel, text) => this.#receive(channel, text),
        onCommandsLost: () => {
          this.#registry.connectionLost();
          this.#fence.connectionLost();
        },
        onSubscriberLost: () => this.#streams.subscriptionsLost(),
        onSubscriberReady: () => void this.#availability.resubscribe(),
      },
    });
    this.#heartbeat = new RedisHeartbeat({
      connection: this.#connection,
      channel: this.#keys.nodes,
      nodeId,
      announcement: () => announcementOf(this.#listener?.nodeId ?? nodeId, this.#listener?.contractDigest),
      ...timing,
      onReturn: () => void this.#availability.recover(),
      onDead: () => this.#availability.reportLost('no heartbeat was received through Redis'),
    });
    this.#nodes = new RedisNodes({
      connection: this.#connection,
      channel: this.#keys.nodes,
      channelOf: (id) => this.#keys.node(id),
      nodeId,
      answer: (question, isAwaited) => this.#listener?.onQuestion(question, isAwaited),
      log: this.#log,
      ...timing,
    });
    this.#registry = new NodeRegistry({
      connection: this.#connection,
      keys: this.#keys,
      newId: () => ulid(),
      leaseMs: options.leaseMs ?? LEASE_MS,
      patienceMs: deadAfterMs,
      log: this.#log,
    });
    const index = new StreamIndex({ connection: this.#connection, keys: this.#keys, log: this.#log });
    this.#fence = new EpochFence({
      connection: this.#connection,
      keys: this.#keys,
      registry: this.#registry,
      newEpoch: () => ulid(),
      onLost: (stream, lost) => index.enterCreated(stream, { lost }),
      onReplaced: (stream, lost) => index.enterReplaced(stream, lost),
      ttlOf: (stream) => ttlOf(stream, limits),
      blankTtlMs,
      waitMs: 3_000,
      listenMs: intervalMs * 1.5,
    });
    this.#publisher = new RedisPublisher({
      connection: this.#connection,
      keys: this.#keys,
      index,
      fence: this.#fence,
      limits,
      namesPerKey: namesPerKey(events),
      maxPending: options.maxPendingPublishes ?? 10_000,
    });
    this.#streams = new AttachedStreams({
      connection: this.#connection,
      keys: this.#keys,
      index,
      fence: this.#fence,
      limits,
      events,
      ttlOf: (stream) => ttlOf(stream, limits),
      blankTtlMs,
      listener: () => this.#listener,
      log: this.#log,
    });
    this.#availability = new Availability({
      connection: this.#connection,
      heartbeat: this.#heartbeat,
      registry: this.#registry,
      fence: this.#fence,
      streams: this.#streams,
      intervalMs,
      joinWithinMs: (options.leaseMs ?? LEASE_MS) * JOIN_WITHIN_LEASES,
      log: this.#log,
      subscribe: () => this.#subscribe(),
      onChange: () => this.#listener?.onHealth(this.health()),
    });
  }

  /**
   * Starts the broker. May be called again after a failure. Waits until the other nodes know this node. This usually takes milliseconds,
   * but up to 1.25 leases if all of the other nodes ended without leaving.
   * @throws {Error} if Redis cannot be used (the message names the server and the reason), if no heartbeat is received within 5 s, or if
   * the node has not joined the other nodes within two leases
   */
  async start(listener: BrokerListener): Promise<void> {
    this.#listener = listener;
    try {
      await this.#connection.connect();
      await checkServer({ connection: this.#connection, keys: this.#keys, address: this.#address, log: this.#log });
      await this.#availability.start();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async publish(draft: EventDraft): Promise<PublishResult> {
    this.#mustBeConnected('nothing was stored');
    const eventId = this.#newId();
    const { stream, event, source, idempotencyKey } = draft;
    return this.#publisher.publish({
      stream,
      eventId,
      rest: `${eventId} ${event} ${encodeContent(draft)}`,
      retain: retainOf(this.#options.events, draft),
      ...(idempotencyKey === undefined ? {} : { onceKey: this.#keys.once(stream, source.principal, idempotencyKey) }),
    });
  }

  async attach(stream: string): Promise<void> {
    this.#mustBeConnected('the stream cannot be read');
    await this.#streams.attach(stream);
  }

  detach(stream: string): void {
    this.#streams.detach(stream);
  }

  async follow(selector: string): Promise<void> {
    this.#mustBeConnected('the streams cannot be read');
    await this.#streams.follows.follow(selector);
  }

  unfollow(selector: string): void {
    this.#streams.follows.unfollow(selector);
  }

  followed(selectors: readonly string[]): Iterable<FollowedStream> {
    return this.#streams.followed(selectors);
  }

  headOf(stream: string): Position | undefined {
    return this.#streams.headOf(stream);
  }

  async sync(stream: string): Promise<void> {
    this.#mustBeConnected('the stream cannot be read');
    await this.#streams.sync(stream);
  }

  snapshot(stream: string): Snapshot {
    return this.#streams.snapshot(stream);
  }

  async announce(loss: SourceLoss): Promise<void> {
    this.#mustBeConnected('the loss was not announced');
    await this.#publisher.announce(loss);
  }

  askNodes(question: string): Promise<NodeAnswers> {
    return this.#nodes.ask(question, { reachable: this.#availability.connected });
  }

  budgets(): Readonly<Record<string, Budget>> {
    return { historyBudgetBytes: this.#streams.budget };
  }

  health(): BrokerHealth {
    const { lagMs } = this.#heartbeat;
    return { kind: 'redis', connected: this.#availability.connected, lagMs, peers: this.#nodes.peers() };
  }

  streams(): readonly StreamInfo[] {
    return this.#streams.infos();
  }

  async close(): Promise<void> {
    this.#availability.stopHeartbeats();
    const { connected } = this.#availability;
    if (connected) {
      await this.#nodes.leave();
      await this.#registry.leave();
    }
    this.#availability.stop();
    if (!connected) await this.#registry.withdraw();
    this.#listener = undefined;
    this.#streams.close();
    this.#connection.close();
  }

  #mustBeConnected(consequence: string): void {
    if (this.#availability.connected) return;
    throw new ProtocolError('broker_unavailable', `Redis cannot be reached: ${consequence}`, {
      retryAfterMs: BROKER_RETRY_MS,
      details: { outcome: 'not_stored' },
    });
  }

  /**
   * Handles a message on any channel. An unreadable message must not end the process. If it contained events, the next check of the
   * stream's head shows that the mirror lacks them.
   */
  #receive(channel: string, text: string): void {
    try {
      if (channel === this.#keys.nodes) this.#receiveFromNodes(text);
      else if (channel === this.#keys.node(this.#nodeId)) this.#nodes.receiveAnswer(text);
      else this.#streams.receive(channel, text);
    } catch (error) {
      this.#log.warn({ err: error, channel }, 'Ignored a message in Redis that cannot be read');
    }
  }

  #receiveFromNodes(text: string): void {
    const entered = parseEntered(text);
    if (entered !== undefined) return this.#streams.follows.appeared(entered);
    this.#nodes.receive(text);
    this.#registry.receive(text);
    if (this.#heartbeat.receive(text) || !text.startsWith('fence ')) return;
    this.#fence.answer(text.slice('fence '.length)).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'Could not report to the other nodes what this node knows of a stream');
    });
  }

  async #subscribe(): Promise<void> {
    await this.#connection.subscribe(this.#keys.nodes, this.#keys.node(this.#nodeId));
    this.#nodes.listening();
    await this.#streams.resubscribe();
  }
}

/**
 * How long Redis may be unreachable before the nodes can no longer vouch for the events that they have seen. If all other nodes ended
 * without leaving, a starting node waits about this long. It is longer than the usual failover time of sentinels or of a managed Redis.
 */
const LEASE_MS = 20_000;
/** The start of a node fails after this many leases. It is more than the 1.25 leases after which silent nodes are treated as
 * stopped. */
const JOIN_WITHIN_LEASES = 2;
