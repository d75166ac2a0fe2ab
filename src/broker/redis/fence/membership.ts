/**
 * Tracks which other nodes may know more than this node. The functions use no clock, Redis or network; these are passed as data.
 *
 * Each node registers in Redis (registry.ts) and renews its lease there. Its entry lists the nodes that it knows. Unless a node is the only
 * registered one, it may not publish or read until another registered node knows it. Therefore, the entries lead to every node that may
 * know more, even if some nodes never met. A node that later compares the knowledge of the nodes follows these entries
 * (docs/decisions/0007).
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
  /** The id of this node. When the lease expires, the node gets a new id, because other nodes may have given up the old one. */
  id: string;
  /** Whether this node may publish, read and apply messages. */
  member: boolean;
  /**
   * The other nodes, each with the newest number of renewals that was read from its entry. An epoch continues only after all of them have
   * reported what they know.
   */
  readonly peers: Map<string, number>;
  /** How often a node was given up, including this node. Each increase makes all earlier confirmations useless. */
  departures: number;
}

export function newMembership(id: string): Membership {
  return { id, member: false, peers: new Map(), departures: 0 };
}

/**
 * Records the registry. A peer that is missing in the registry is kept, because the server may have lost its entry.
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
 * The server has lost the entry of this node. Nodes that registered after that have not read the entry, so the node is no longer a member.
 */
export function forgotten(membership: Membership): void {
  membership.member = false;
}

/** Removes a peer that has left, or whose lease has expired. It gets no more messages under this id. To return, it registers under a new one. */
export function giveUp(membership: Membership, peer: string): void {
  if (membership.peers.delete(peer)) membership.departures += 1;
}

/** The lease of this node has expired. Other nodes may have given up this node, and may have learned what it does not know. */
export function loseLease(membership: Membership, newId: string): void {
  membership.id = newId;
  membership.member = false;
  membership.peers.clear();
  membership.departures += 1;
}
