/**
 * The nodes that may know more than this node, as far as this node can tell. Pure: the clock, Redis and the network are inputs.
 *
 * Every node registers in Redis (registry.ts) and renews its lease there. An entry names the nodes that its owner knows.
 * A node learns nothing, neither by publishing nor by reading, before another registered node knows it: so a node that later
 * compares the nodes' knowledge can follow these entries to every node that may know more, including nodes that it never met
 * (docs/decisions/0007).
 */

export interface RegistryEntry {
  /** Increases with each renewal. */
  readonly count: number;
  /** Whether the owner was a member at its renewal, and which nodes it knew. */
  readonly member: boolean;
  readonly knows: readonly string[];
}

/** The entries of the registry, by the id of the node. */
export type Registry = ReadonlyMap<string, RegistryEntry>;

export interface Standing {
  /** The id of this node. It is replaced after the lease has expired: a node that others have given up never reuses its id. */
  id: string;
  /** Whether this node may learn. */
  member: boolean;
  /** The nodes whose testimony is required before an epoch continues, with their newest count. */
  readonly peers: Map<string, number>;
  /** How often a node was given up, this one included. Earlier confirmations no longer vouch. */
  departures: number;
}

export function newStanding(id: string): Standing {
  return { id, member: false, peers: new Map(), departures: 0 };
}

/**
 * Records the registry. A peer that is missing from it stays, because the server may have lost its entry. @returns whether a peer
 * is new
 */
export function readRegistry(standing: Standing, registry: Registry): boolean {
  let isNews = false;
  for (const [id, { count }] of registry) {
    if (id === standing.id) continue;
    isNews ||= !standing.peers.has(id);
    standing.peers.set(id, count);
  }
  return isNews;
}

/** The other registered nodes, by whether they know this one. */
export function othersOf(standing: Standing, registry: Registry): { aware: RegistryEntry[]; unaware: RegistryEntry[] } {
  const others = [...registry].filter(([id]) => id !== standing.id).map(([, entry]) => entry);
  return {
    aware: others.filter(({ knows }) => knows.includes(standing.id)),
    unaware: others.filter(({ knows }) => !knows.includes(standing.id)),
  };
}

/** Makes the node a member if every other registered node knows it, or one that is itself a member does. */
export function admit(standing: Standing, registry: Registry): boolean {
  const { aware, unaware } = othersOf(standing, registry);
  standing.member ||= unaware.length === 0 || aware.some(({ member }) => member);
  return standing.member;
}

/** The server has lost this node's entry, so nodes that registered since have not read it. */
export function forgotten(standing: Standing): void {
  standing.member = false;
}

/** A peer left in good order, or its lease expired: it learns nothing more under this id. */
export function giveUp(standing: Standing, peer: string): void {
  if (standing.peers.delete(peer)) standing.departures += 1;
}

/** This node's lease has expired: others may have given it up, and learned what it does not know. */
export function lapse(standing: Standing, newId: string): void {
  standing.id = newId;
  standing.member = false;
  standing.peers.clear();
  standing.departures += 1;
}
