/**
 * Tracks which other nodes may know events that this node does not know. The functions use no clock and no network: their callers read the
 * clock and Redis.
 *
 * Each node registers in Redis (registry.ts) and renews its lease there. Its entry lists the nodes that it knows. A node may publish and
 * read only if the entries of all other registered nodes list it, or the entry of at least one member. Therefore, some entry lists each
 * node that may know events, even if two nodes never learned of each other. To compare what all nodes know, a node follows these lists from
 * entry to entry (docs/decisions/0007).
 */

export interface RegistryEntry {
  /** The number of renewals so far. */
  readonly count: number;
  /** Whether the owner of the entry was a member when it last renewed the entry. */
  readonly member: boolean;
  readonly knows: readonly string[];
}

/** The entries of the registry, by the id of the node. */
export type Registry = ReadonlyMap<string, RegistryEntry>;

export interface Membership {
  /**
   * The id of this node in the registry. When the lease of this node expires, the node registers under a new id, because other nodes may
   * already treat the old id as that of a stopped node.
   */
  id: string;
  /** Whether this node may publish, read and apply messages. */
  member: boolean;
  /**
   * The other nodes, each with the newest number of renewals that was read from its entry. An epoch continues only after all of them have
   * reported what they know.
   */
  readonly peers: Map<string, number>;
  /**
   * How often this node has removed a peer ({@link giveUp}) or has lost its own lease. After each increase, earlier confirmations
   * (knowledge.ts) no longer count.
   */
  departures: number;
}

export function newMembership(id: string): Membership {
  return { id, member: false, peers: new Map(), departures: 0 };
}

/**
 * Records the nodes of the registry as peers. A peer that is not in the registry is kept, because the server may have lost its entry.
 * @returns whether a peer is new
 */
export function readRegistry(membership: Membership, registry: Registry): boolean {
  let isNews = false;
  for (const [id, { count }] of registry) {
    if (id === membership.id) continue;
    isNews ||= !membership.peers.has(id);
    membership.peers.set(id, count);
  }
  return isNews;
}

/** The other registered nodes: those that know this node, and those that do not. */
export function othersOf(
  membership: Membership,
  registry: Registry,
): { aware: RegistryEntry[]; unaware: RegistryEntry[] } {
  const others = [...registry].filter(([id]) => id !== membership.id).map(([, entry]) => entry);
  return {
    aware: others.filter(({ knows }) => knows.includes(membership.id)),
    unaware: others.filter(({ knows }) => !knows.includes(membership.id)),
  };
}

/** Makes the node a member if all other registered nodes know it, or if at least one member knows it. */
export function admit(membership: Membership, registry: Registry): boolean {
  const { aware, unaware } = othersOf(membership, registry);
  membership.member ||= unaware.length === 0 || aware.some(({ member }) => member);
  return membership.member;
}

/**
 * Must be called when the server has lost the entry of this node. Nodes that registered after the loss have not read the entry, so this
 * node is no longer a member.
 */
export function forgotten(membership: Membership): void {
  membership.member = false;
}

/**
 * Gives up a peer: removes it, because it has left or its lease has expired. The peer applies no more messages under this id. To return,
 * it registers under a new id.
 */
export function giveUp(membership: Membership, peer: string): void {
  if (membership.peers.delete(peer)) membership.departures += 1;
}

/**
 * Must be called when the lease of this node has expired. Other nodes may then treat this node as stopped, and may know events that this
 * node does not know.
 */
export function loseLease(membership: Membership, newId: string): void {
  membership.id = newId;
  membership.member = false;
  membership.peers.clear();
  membership.departures += 1;
}
