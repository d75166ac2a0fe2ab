/**
 * Maintains the entry of this node in the registry of nodes: renews the lease of the node, and finds the other nodes. membership.ts has the
 * rules; this file adds Redis and the clock.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { BrokerLog } from '../../broker.ts';
import type { RedisConnection } from '../connection.ts';
import type { RedisKeys } from '../keys.ts';
import { asTexts } from '../line.ts';
import { admit, forgotten, giveUp, loseLease, newMembership, othersOf, readRegistry } from './membership.ts';
import type { Registry, RegistryEntry, Membership } from './membership.ts';

export interface NodeRegistryOptions {
  readonly connection: Pick<RedisConnection, 'run' | 'publish'>;
  readonly keys: RedisKeys;
  readonly newId: () => string;
  /**
   * If this node could not renew its lease for this time, in milliseconds, it is no longer a member, and gets a new id.
   */
  readonly leaseMs: number;
  /**
   * A joining node waits until all registered nodes have listed it in their entries. After this time, in milliseconds, it is enough if one
   * member has listed it.
   */
  readonly patienceMs: number;
  readonly log: BrokerLog;
  /** A monotonic clock, in milliseconds. */
  readonly now?: () => number;
}

/**
 * If a node does not renew its lease for this time, in units of `leaseMs`, the other nodes treat it as stopped. The node itself stops
 * applying messages after 1 `leaseMs`. So it stops first, even if the clocks of the other nodes run a quarter faster than its own.
 */
const GIVEN_UP_AFTER_LEASES = 1.25;
/** How long the registry is kept after the last renewal of any node, in leases. */
const REGISTRY_TTL_LEASES = 3;
const LOOK_AGAIN_MS = 20;

export class NodeRegistry {
  readonly membership: Membership;
  readonly #options: NodeRegistryOptions;
  readonly #now: () => number;
  /** For each peer, the time at which its count of renewals last changed. */
  readonly #changedAt = new Map<string, number>();
  /** The ids of the entries that the next renewal removes. An entry must still have the given count; '' for an old id of this node. */
  readonly #gone = new Map<string, string>();
  #count = 0;
  /** The time at which the last successful renewal was sent. */
  #renewedAt: number | undefined;
  /** Whether the current server has the entry of this node. */
  #current = false;
  #renewing: Promise<Registry> | undefined;
  #joining: Promise<void> | undefined;
  #hasLeft = false;

  constructor(options: NodeRegistryOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.membership = newMembership(options.newId());
  }

  /** Whether this node is a member whose lease has not expired. Only then may it apply the messages that it receives. */
  get holdsLease(): boolean {
    this.#checkLease();
    return this.membership.member;
  }

  /** Whether this node may publish and read: it must hold its lease, and the current server must have the entry of this node. */
  get isRegistered(): boolean {
    return this.holdsLease && this.#current;
  }

  /** Must be called when the next command may reach another server, which may not have the entry of this node yet. */
  connectionLost(): void {
    this.#current = false;
  }

  /**
   * Resolves when this node is a member. Usually, this is when all other nodes know this node. If some of them do not respond in time, one
   * member that knows this node is enough.
   * @throws {Error} if Redis cannot be reached
   */
  join(): Promise<void> {
    this.#hasLeft = false;
    this.#joining ??= this.#join().finally(() => (this.#joining = undefined));
    return this.#joining;
  }

  /**
   * Renews the lease and reads the registry. If that finds new nodes, renews again, so that the entry of this node lists them.
   */
  async renew(): Promise<Registry> {
    while (this.#renewing !== undefined) await this.#renewing.catch(() => undefined);
    this.#renewing = this.#renewUntilKnown().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** Handles a text on the channel of all nodes. */
  receive(text: string): void {
    const [kind, id = ''] = text.split(' ');
    if (id === this.membership.id) return;
    if (kind === 'left') this.#giveUp(id);
    // The joining node waits until the other nodes have listed it in their entries, so read the registry at once.
    if (kind === 'joins' && !this.membership.peers.has(id)) this.renew().catch(() => undefined);
  }

  /** Leaves the registry, so that no other node waits for this one. */
  async leave(): Promise<void> {
    const { connection, keys } = this.#options;
    this.membership.member = false;
    this.#hasLeft = true;
    // Wait for a renewal in transit, which would otherwise register this node again.
    await this.#renewing?.catch(() => undefined);
    const earlier = [...this.#gone].flatMap(([id, count]) => (count === '' ? [id] : []));
    const ids = [...earlier, this.membership.id];
    await connection.run('leave', [keys.registry], ids).catch(() => undefined);
    for (const id of ids) await connection.publish(keys.nodes, `left ${id}`).catch(() => undefined);
  }

  /**
   * Leaves the registry if this node is not a member. Such a node knows nothing that other nodes lack. If it stayed, they would wait until
   * its lease expires. A member that cannot reach Redis stays in the registry, because it may know events that Redis has lost.
   */
  async withdraw(): Promise<void> {
    if (this.#current && !this.membership.member) await this.leave();
  }

  async #join(): Promise<void> {
    const startedAt = this.#now();
    let warned = false;
    for (;;) {
      const registry = await this.renew();
      const waited = this.#now() - startedAt;
      if (waited > this.#options.patienceMs) admit(this.membership, registry);
      if (this.membership.member) return;
      const { unaware } = othersOf(this.membership, registry);
      if (waited > this.#options.patienceMs && !warned) {
        warned = true;
        this.#options.log.warn(
          { silentNodes: unaware.length, upToMs: this.#options.leaseMs * GIVEN_UP_AFTER_LEASES },
          'Waiting for the leases of silent nodes to expire: these nodes may know events that Redis does not have',
        );
      }
      const { connection, keys } = this.#options;
      await connection.publish(keys.nodes, `joins ${this.membership.id}`);
      await delay(LOOK_AGAIN_MS);
    }
  }

  async #renewUntilKnown(): Promise<Registry> {
    for (;;) {
      const registry = await this.#renewOnce();
      if (!readRegistry(this.membership, registry)) return registry;
    }
  }

  async #renewOnce(): Promise<Registry> {
    if (this.#hasLeft) throw new Error('this node has left the registry');
    this.#checkLease();
    const { connection, keys, leaseMs } = this.#options;
    const { id, member, peers } = this.membership;
    const sentAt = this.#now();
    const gone = [...this.#gone];
    this.#count += 1;
    const [status, ...fields] = asTexts(
      await connection.run(
        'renew',
        [keys.registry],
        [
          id,
          this.#count,
          member ? 1 : 0,
          [...peers.keys()].join(',') || '-',
          Math.round(leaseMs * REGISTRY_TTL_LEASES),
          ...gone.flat(),
        ],
      ),
    );
    for (const [removed] of gone) this.#gone.delete(removed);
    // The lease has expired in the meantime. This renewal has written the earlier entry again, so the next one removes it.
    if (id !== this.membership.id) return this.#renewOnce();
    this.#renewedAt = sentAt;
    this.#current = true;
    if (status === 'forgotten') forgotten(this.membership);
    const registry = parseRegistry(fields);
    this.#watch(registry);
    // The next renewal removes these stopped peers from Redis, unless they have renewed their lease in the meantime.
    for (const peer of this.#gone.keys()) registry.delete(peer);
    if (othersOf(this.membership, registry).unaware.length === 0) admit(this.membership, registry);
    return registry;
  }

  /** Gives up the peers whose entries were not renewed for 1.25 leases. */
  #watch(registry: Registry): void {
    const now = this.#now();
    for (const [id, { count }] of registry) {
      if (this.membership.peers.get(id) !== count) this.#changedAt.set(id, now);
    }
    for (const [id, count] of this.membership.peers) {
      const changedAt = this.#changedAt.get(id) ?? now;
      this.#changedAt.set(id, changedAt);
      if (now - changedAt <= this.#options.leaseMs * GIVEN_UP_AFTER_LEASES) continue;
      this.#gone.set(id, String(count));
      this.#giveUp(id);
    }
  }

  #giveUp(id: string): void {
    giveUp(this.membership, id);
    this.#changedAt.delete(id);
  }

  #checkLease(): void {
    if (this.#renewedAt === undefined || this.#now() - this.#renewedAt <= this.#options.leaseMs) return;
    this.#renewedAt = undefined;
    this.#current = false;
    this.#gone.set(this.membership.id, '');
    this.#changedAt.clear();
    loseLease(this.membership, this.#options.newId());
  }
}

function parseRegistry(fields: readonly string[]): Map<string, RegistryEntry> {
  const registry = new Map<string, RegistryEntry>();
  for (let at = 0; at < fields.length; at += 2) {
    const [count, member, known = '-'] = (fields[at + 1] ?? '').split(' ');
    const entry = { count: Number(count), member: member === '1', knows: known === '-' ? [] : known.split(',') };
    registry.set(fields[at] ?? '', entry);
  }
  return registry;
}
