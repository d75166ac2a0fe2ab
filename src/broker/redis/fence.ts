/**
 * The epoch fence (docs/decisions: "An epoch is fenced to one life of one server").
 *
 * A stream's state names the incarnation of the server that may extend it. After a restart or a promotion the two
 * differ, and the scripts refuse the stream until the nodes have said what they know of it: if the log holds every
 * position that anybody has seen, the epoch goes on; if it may not, a new epoch begins. So no number is ever given out
 * twice within an epoch, and no client is told that it is up to date when it is not.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConnection } from './connection.ts';
import type { RedisHeartbeat } from './heartbeat.ts';
import type { RedisKeys, StreamKeys } from './keys.ts';
import { asTexts, parseState } from './line.ts';
import type { StreamState } from './line.ts';

/** The newest place of a stream that this node has seen, from whatever source. */
export interface KnownPlace {
  readonly epoch: string;
  readonly sequenceId: number;
  readonly at: number;
  readonly eventId: string;
}

export interface FenceOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly heartbeat: Pick<RedisHeartbeat, 'peers' | 'listeningMs'>;
  readonly nodeId: string;
  readonly newEpoch: () => string;
  /** TTL of a stream's keys in milliseconds, 0 for none. */
  readonly ttlOf: (stream: string) => number;
  /** How long the other nodes may take to say what they know, in milliseconds. */
  readonly waitMs: number;
  /** How long a node listens before it takes silence for "nobody else", in milliseconds. */
  readonly listenMs: number;
}

const ASK_AGAIN_MS = 50;
/** Streams remembered; a node that forgot one can no longer vouch for any that it does not know. */
const MAX_KNOWN = 100_000;

export class EpochFence {
  readonly #options: FenceOptions;
  readonly #known = new Map<string, KnownPlace>();
  readonly #incarnations = new Map<string, string>();
  readonly #settling = new Map<string, Promise<StreamState>>();
  #forgot = false;

  constructor(options: FenceOptions) {
    this.#options = options;
  }

  /** Takes note of a place. Within an epoch only the newest counts. */
  know(stream: string, place: KnownPlace): void {
    const known = this.#known.get(stream);
    if (known !== undefined && known.epoch === place.epoch && known.sequenceId >= place.sequenceId) return;
    if (known === undefined && this.#known.size >= MAX_KNOWN) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        this.#forgot = true;
        break;
      }
    }
    this.#known.set(stream, place);
  }

  /** The connection may lead to another server from now on. */
  connectionLost(): void {
    this.#incarnations.clear();
  }

  /** The incarnation of the server that holds the stream, if it has been read on this connection. */
  cachedIncarnation(stream: string): string | undefined {
    return this.#incarnations.get(this.#route(stream));
  }

  /** @throws {Error} when the server is no master. */
  async incarnation(stream: string): Promise<string> {
    return this.cachedIncarnation(stream) ?? this.refreshIncarnation(stream);
  }

  async refreshIncarnation(stream: string): Promise<string> {
    const { connection, keys } = this.#options;
    const [role, incarnation] = asTexts(await connection.run('incarnation', [keys.of(stream).meta], []));
    if (role !== 'master' || incarnation === undefined) throw new Error(`this Redis server is a ${role}, not a master`);
    this.#incarnations.set(this.#route(stream), incarnation);
    return incarnation;
  }

  /** The stream's state, begun if it has none. Not necessarily settled. */
  async open(stream: string): Promise<StreamState> {
    const { connection, keys, newEpoch, ttlOf } = this.#options;
    const { meta, log, latest, order, losses } = keys.of(stream);
    const args = [await this.incarnation(stream), newEpoch(), ttlOf(stream)];
    const state = parseState(String(await connection.run('open', [meta, log, latest, order, losses], args)));
    return (await this.isSuspicious(stream, state)) ? this.settle(stream) : this.#learn(stream, state);
  }

  /** Whether the state is of the server that this node talks to. */
  async isCurrent(stream: string, state: StreamState): Promise<boolean> {
    return state.incarnation === (await this.incarnation(stream));
  }

  /** Whether the nodes must compare what they know before the state can be believed. */
  async isSuspicious(stream: string, state: StreamState): Promise<boolean> {
    if (!(await this.isCurrent(stream, state))) return true;
    const known = this.#known.get(stream);
    if (known === undefined || known.epoch !== state.epoch || known.sequenceId < state.sequenceId) return false;
    return known.sequenceId > state.sequenceId || known.eventId !== state.eventId;
  }

  /**
   * Resolves once this server may extend the stream: in its epoch, or in a new one. Concurrent calls share one run.
   * @throws {Error} when Redis cannot be reached.
   */
  settle(stream: string): Promise<StreamState> {
    const running = this.#settling.get(stream);
    if (running !== undefined) return running;
    const settling = this.#settle(stream).finally(() => this.#settling.delete(stream));
    this.#settling.set(stream, settling);
    return settling;
  }

  /** Another node asks what is known of a stream; one attestation is the answer. */
  async answer(stream: string): Promise<void> {
    if (this.#settling.has(stream)) return;
    await this.#attest(stream, this.#options.keys.of(stream), '');
  }

  async #settle(stream: string): Promise<StreamState> {
    const { connection, keys, heartbeat, waitMs, listenMs } = this.#options;
    const streamKeys = keys.of(stream);
    await this.refreshIncarnation(stream);
    const deadline = performance.now() + waitMs;
    for (;;) {
      const expired = performance.now() > deadline;
      const { status, state, missing } = await this.#attest(stream, streamKeys, expired ? 'decide' : '');
      if (status === 'unborn') return this.open(stream);
      if (status !== 'waiting') return this.#learn(stream, parseState(state));
      // Everybody has spoken and nobody knows the stream: waiting longer would not save its epoch.
      if (missing.length === 0 && heartbeat.listeningMs > listenMs) {
        const decided = await this.#attest(stream, streamKeys, 'decide');
        if (decided.status !== 'unborn') return this.#learn(stream, parseState(decided.state));
      }
      await connection.publish(keys.nodes, `fence ${stream}`);
      await delay(ASK_AGAIN_MS);
    }
  }

  async #attest(stream: string, keys: StreamKeys, decision: 'decide' | ''): Promise<Attestation> {
    const { connection, heartbeat, nodeId, newEpoch, ttlOf } = this.#options;
    const [status = '', state = '', ...missing] = asTexts(
      await connection.run(
        'attest',
        [keys.meta, keys.log, keys.latest, keys.order, keys.losses, keys.witness],
        [
          await this.incarnation(stream),
          nodeId,
          newEpoch(),
          keys.channel,
          connection.sharded ? 'SPUBLISH' : 'PUBLISH',
          ttlOf(stream),
          heartbeat.peers().join(' '),
          this.#testimony(stream),
          decision,
        ],
      ),
    );
    return { status, state, missing };
  }

  #testimony(stream: string): string {
    const known = this.#known.get(stream);
    if (known === undefined) return this.#forgot ? 'unsure' : 'none';
    return `${known.epoch} ${known.sequenceId} ${known.at} ${known.eventId}`;
  }

  #learn(stream: string, state: StreamState): StreamState {
    this.know(stream, state);
    return state;
  }

  /** Without a cluster all streams are on one server. */
  #route(stream: string): string {
    return this.#options.connection.sharded ? stream : '';
  }
}

interface Attestation {
  readonly status: string;
  readonly state: string;
  readonly missing: readonly string[];
}
