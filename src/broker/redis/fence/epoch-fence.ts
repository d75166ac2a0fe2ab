/**
 * The epoch fence (docs/decisions/0007). It executes in Redis what membership.ts, knowledge.ts and verdict.ts decide.
 *
 * The state of a stream contains the incarnation of the server that may extend the stream. After a restart or a promotion, the server has
 * another incarnation. The scripts then reject publishes on the stream, until the nodes have reported what they know of the stream. If the
 * log contains every position that any node has seen, the epoch continues; otherwise a new epoch begins. In this way, no sequenceId is
 * assigned twice within an epoch, and a client with events that Redis has lost is never reported as up to date.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConnection } from '../connection.ts';
import type { RedisKeys } from '../keys.ts';
import { asTexts, parseState } from '../line.ts';
import type { StreamState } from '../line.ts';
import { applies, acceptHead, confirm, know, newKnown, giveTestimony } from './knowledge.ts';
import type { KnownPlace } from './knowledge.ts';
import type { NodeRegistry } from './registry.ts';
import { decide, verdictOf } from './verdict.ts';
import type { Decision, Found, StreamFacts, Witness } from './verdict.ts';

export interface FenceOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly registry: NodeRegistry;
  readonly newEpoch: () => string;
  /** Called after a stream that Redis has lost was created again, and before it has events. `lost` is its newest known position. */
  readonly onLost: (stream: string, lost: KnownPlace) => Promise<void>;
  /** Called before a new epoch begins. Redis has lost events of the previous epoch, at most up to the position `lost`. */
  readonly onReplaced: (stream: string, lost: KnownPlace) => Promise<void>;
  /** TTL of a stream's keys in milliseconds; 0 if they do not expire. */
  readonly ttlOf: (stream: string) => number;
  /** TTL of the keys of a stream without events, in milliseconds. Used for streams for which `ttlOf` returns 0. */
  readonly blankTtlMs: number;
  /** How long to wait for the testimonies of the other nodes, in milliseconds. */
  readonly waitMs: number;
  /**
   * How long a node waits for another node to vouch for the log, in milliseconds. Other nodes may still be reconnecting.
   */
  readonly listenMs: number;
}

const ASK_AGAIN_MS = 50;
/** How long a testimony is kept, in milliseconds. It must be longer than the wait for testimonies. */
const TESTIMONY_TTL_MS = 10_000;
/**
 * The maximum number of streams that a node remembers. Once a node has forgotten any stream, it can no longer testify that it never knew a
 * certain stream.
 */
const MAX_KNOWN = 100_000;

export class EpochFence {
  readonly #options: FenceOptions;
  readonly #known = newKnown();
  readonly #incarnations = new Map<string, string>();
  readonly #settling = new Map<string, Promise<StreamState>>();

  constructor(options: FenceOptions) {
    this.#options = options;
  }

  /** Records a position that this node has learned. */
  know(stream: string, place: KnownPlace): void {
    know(this.#known, stream, place, MAX_KNOWN);
  }

  /**
   * How often this node has removed a peer or has lost its own lease (`departures` in membership.ts). Read this number before a query, and
   * pass the number to {@link confirm} or {@link adopt} together with the answer to the query.
   */
  get departures(): number {
    return this.#options.registry.membership.departures;
  }

  /** Records that the position was the newest of its stream at some time after `departures` was read. */
  confirm(stream: string, place: KnownPlace, departures: number): void {
    confirm(this.#known, stream, place, departures);
  }

  /** Accepts a state of a stream that the current server may extend. `departures` must have been read before the state. */
  adopt(stream: string, state: StreamState, departures: number): void {
    acceptHead(this.#known, stream, state, MAX_KNOWN);
    confirm(this.#known, stream, state, departures);
  }

  /** Whether messages that this server published on the stream may be applied. */
  accepts(stream: string, incarnation: string): boolean {
    const { registry } = this.#options;
    return registry.holdsLease && applies(this.#known, registry.membership, stream, incarnation);
  }

  /** Must be called when the next command may reach another server than the previous one. */
  connectionLost(): void {
    this.#incarnations.clear();
  }

  /** The incarnation of the stream's server. Undefined if it was not read on this connection yet, or if this node is not registered. */
  cachedIncarnation(stream: string): string | undefined {
    return this.#options.registry.isRegistered ? this.#incarnations.get(this.#route(stream)) : undefined;
  }

  /** The incarnation of the stream's server. @throws {Error} if the server is not a master, or if this node is not registered yet */
  async incarnation(stream: string): Promise<string> {
    const { registry } = this.#options;
    if (!registry.isRegistered) await registry.renew();
    if (!registry.isRegistered) throw new Error('this node has not joined the other nodes in Redis yet');
    return this.#incarnations.get(this.#route(stream)) ?? this.refreshIncarnation(stream);
  }

  async refreshIncarnation(stream: string): Promise<string> {
    const { connection, keys } = this.#options;
    const [role, incarnation] = asTexts(await connection.run('incarnation', [keys.of(stream).meta], []));
    if (role !== 'master' || incarnation === undefined) throw new Error(`this Redis server is a ${role}, not a master`);
    this.#incarnations.set(this.#route(stream), incarnation);
    return incarnation;
  }

  /** Returns the stream's state after the fence has decided. Creates the stream if it does not exist. */
  async open(stream: string): Promise<StreamState> {
    const state = await this.#open(stream, 'create');
    if (state === undefined) throw new Error(`stream ${stream} was not created`);
    return state;
  }

  /** Returns the stream's state after the fence has decided; undefined if the stream does not exist. */
  find(stream: string): Promise<StreamState | undefined> {
    return this.#open(stream, 'find');
  }

  async #open(stream: string, how: 'create' | 'find'): Promise<StreamState | undefined> {
    const { connection, keys, newEpoch, onLost, ttlOf, blankTtlMs } = this.#options;
    const { meta, log, latest, order, losses, witness } = keys.of(stream);
    const { departures } = this;
    const ttl = ttlOf(stream);
    const known = this.#known.streams.get(stream)?.place;
    const args = [await this.incarnation(stream), newEpoch(), ttl > 0 ? ttl : blankTtlMs, how];
    const names = [meta, log, latest, order, losses, witness];
    const [text = '', created] = asTexts(await connection.run('open', names, args));
    if (text === '') return undefined;
    if (created === '1' && known !== undefined && wasLost(known, ttl)) await onLost(stream, known);
    const state = parseState(text);
    if (await this.isSuspicious(stream, state)) return this.settle(stream);
    this.adopt(stream, state, departures);
    return state;
  }

  /** Whether the current server may extend the stream in this state. */
  async isCurrent(stream: string, state: StreamState): Promise<boolean> {
    return state.incarnation === (await this.incarnation(stream));
  }

  /** Whether the nodes must compare what they know before this state can be trusted. */
  async isSuspicious(stream: string, state: StreamState): Promise<boolean> {
    if (!(await this.isCurrent(stream, state))) return true;
    const known = this.#known.streams.get(stream)?.place;
    if (known === undefined || known.epoch !== state.epoch || known.sequenceId < state.sequenceId) return false;
    return known.sequenceId > state.sequenceId || known.eventId !== state.eventId;
  }

  /**
   * Decides whether the epoch of the stream continues or a new one begins. Resolves when the current server may extend the stream.
   * Concurrent calls share one run.
   * @throws {Error} if Redis cannot be reached
   */
  settle(stream: string): Promise<StreamState> {
    const running = this.#settling.get(stream);
    if (running !== undefined) return running;
    const settling = this.#settle(stream).finally(() => this.#settling.delete(stream));
    this.#settling.set(stream, settling);
    return settling;
  }

  /**
   * Begins a new epoch if the stream still has the epoch of the given state. @returns the state of the stream afterwards
   * @throws {Error} if Redis cannot be reached
   */
  async end(stream: string, state: StreamState): Promise<StreamState> {
    const { departures } = this;
    const incarnation = await this.incarnation(stream);
    if (state.sequenceId > 0) await this.#options.onReplaced(stream, state);
    const begun = await this.#decide(stream, [state.epoch, '', 'end'], incarnation);
    if (begun === undefined) return this.open(stream);
    this.adopt(stream, begun, departures);
    return begun;
  }

  /** Stores this node's testimony about a stream, because another node asked for it. */
  async answer(stream: string): Promise<void> {
    if (this.#settling.has(stream)) return;
    await this.refreshIncarnation(stream);
    await this.#collect(stream);
  }

  async #settle(stream: string): Promise<StreamState> {
    const { connection, keys, waitMs, listenMs } = this.#options;
    await this.refreshIncarnation(stream);
    const startedAt = performance.now();
    for (;;) {
      const { departures } = this;
      const waited = performance.now() - startedAt;
      const collected = await this.#collect(stream);
      if (collected === 'unborn') return this.open(stream);
      if (collected !== 'changed') {
        const decision = decide({ fenced: collected.fenced, witnesses: collected.witnesses, expired: waited > waitMs });
        const early = decision.kind === 'begin' && decision.why === 'nobody vouches' && waited < listenMs;
        const state = early ? undefined : await this.#carryOut(stream, collected, decision);
        if (state !== undefined) {
          this.adopt(stream, state, departures);
          return state;
        }
      }
      await connection.publish(keys.nodes, `fence ${stream}`);
      await delay(ASK_AGAIN_MS);
    }
  }

  /** Reads the registry and the state, stores this node's testimony if the nodes must decide, and reads all testimonies. */
  async #collect(stream: string): Promise<Testimonies | 'unborn' | 'changed'> {
    const { connection, keys, registry } = this.#options;
    const { meta, log, witness } = keys.of(stream);
    await registry.renew();
    const incarnation = this.#incarnations.get(this.#route(stream)) ?? (await this.refreshIncarnation(stream));
    const testimony = giveTestimony(this.#known, registry.membership, stream);
    const { place } = testimony;
    const [text = '', found = ''] = asTexts(
      await connection.run('inspect', [meta, log], place === undefined ? ['', ''] : [place.at, place.sequenceId]),
    );
    if (text === '') return 'unborn';
    const state = parseState(text);
    const facts: StreamFacts = { head: state, incarnation, found: parseFound(found) };
    const fenced = state.incarnation !== incarnation;
    const { id, peers } = registry.membership;
    const verdict = verdictOf(testimony, facts);
    if (!fenced && verdict !== 'contradicts') {
      return { text, state, number: '', incarnation, fenced, witnesses: [] };
    }
    const signature = `${incarnation}|${verdict}|${[...peers.keys()].join(' ')}`;
    const [status, number = '', ...all] = asTexts(
      await connection.run('attest', [meta, witness], [text, id, signature, TESTIMONY_TTL_MS]),
    );
    if (status !== 'testimonies') return 'changed';
    return { text, state, number, incarnation, fenced, witnesses: parseWitnesses(all, incarnation) };
  }

  /** Executes a decision. @returns undefined if the stream stays undecided */
  async #carryOut(stream: string, collected: Testimonies, decision: Decision): Promise<StreamState | undefined> {
    if (decision.kind === 'wait') return undefined;
    if (decision.kind === 'settled') return collected.state;
    const lost = this.#newest(stream, collected.state);
    if (decision.kind === 'begin' && lost.sequenceId > 0) await this.#options.onReplaced(stream, lost);
    return this.#decide(stream, [collected.text, collected.number, decision.kind], collected.incarnation);
  }

  /** Runs lua/decide.lua. @returns the new state; undefined if the stream has changed since the decision */
  async #decide(stream: string, decision: readonly string[], incarnation: string): Promise<StreamState | undefined> {
    const { connection, keys, newEpoch, ttlOf } = this.#options;
    const { meta, log, latest, order, losses, witness, channel } = keys.of(stream);
    const command = connection.sharded ? 'SPUBLISH' : 'PUBLISH';
    const [status, state = ''] = asTexts(
      await connection.run(
        'decide',
        [meta, log, latest, order, losses, witness],
        [...decision, newEpoch(), incarnation, channel, command, ttlOf(stream)],
      ),
    );
    return status === 'done' ? parseState(state) : undefined;
  }

  /** The newest position in the epoch of `state` that this node or Redis knows. */
  #newest(stream: string, state: KnownPlace): KnownPlace {
    const known = this.#known.streams.get(stream)?.place;
    return known?.epoch === state.epoch && known.sequenceId > state.sequenceId ? known : state;
  }

  /** The key under which the incarnation of the stream's server is cached. Without a cluster, all streams are on the same server. */
  #route(stream: string): string {
    return this.#options.connection.sharded ? stream : '';
  }
}

/**
 * Whether Redis has lost a stream that no longer exists. If not, the stream has expired or never had events.
 * @param ttl TTL of the stream in milliseconds; 0 if it does not expire
 */
function wasLost({ sequenceId, at }: KnownPlace, ttl: number): boolean {
  return sequenceId > 0 && (ttl === 0 || Date.now() - at < ttl);
}

/** The testimonies about a stream, as read from Redis, and the state of the stream that the testimonies are about. */
interface Testimonies {
  /** The state of the stream, as it is stored in Redis. */
  readonly text: string;
  readonly state: StreamState;
  /** The number of testimonies that all nodes have given about the stream so far. */
  readonly number: string;
  readonly incarnation: string;
  readonly fenced: boolean;
  readonly witnesses: readonly Witness[];
}

function parseFound(text: string): Found {
  const [kind, eventId = ''] = text.split(' ');
  if (kind === 'event') return { kind, eventId };
  return kind === 'trimmed' ? { kind } : { kind: 'missing' };
}

/** Parses the stored testimonies, and returns those that were given under this incarnation of the server. */
function parseWitnesses(fields: readonly string[], incarnation: string): readonly Witness[] {
  const witnesses: Witness[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const [run, verdict, peers = ''] = (fields[at + 1] ?? '').split('|');
    if (run !== incarnation) continue;
    const known = verdict === 'contradicts' || verdict === 'vouches' ? verdict : 'silent';
    witnesses.push({ node: fields[at] ?? '', verdict: known, peers: peers === '' ? [] : peers.split(' ') });
  }
  return witnesses;
}
