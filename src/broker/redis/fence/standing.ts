/**
 * Who may know more than this node, as far as this node can tell. Pure: the clock, Redis and the network are inputs.
 *
 * Every node registers in Redis (registry.ts) and renews its lease there. An entry names the nodes that its owner knows.
 * A node learns nothing, neither by publishing nor by reading, before another registered node knows it: so whoever later
 * compares what the nodes know is led from one node to the next, and finds every node that may know more, also one that it
 * has never heard of itself (docs/decisions/0007).
 */

export interface RegistryEntry {
  /** Rises with each renewal. */
  readonly count: number;
  /** Whether the owner was a member at its renewal, and which nodes it knew. */
  readonly member: boolean;
  readonly knows: readonly string[];
}

/** By the id of the node. */
export type Registry = ReadonlyMap<string, RegistryEntry>;

export interface Standing {
  /** Replaced by a new one when the lease has run out: a node that others have given up never returns under its id. */
  id: string;
  /** Whether this node may learn. */
  member: boolean;
  /** The nodes that must be heard before an epoch goes on, with the newest count that was read. */
  readonly peers: Map<string, number>;
  /** Times that a node was given up, this one included. What was confirmed before the last time vouches for nothing. */
  departures: number;
}

export function newStanding(id: string): Standing {
  return { id, member: false, peers: new Map(), departures: 0 };
}

/** Takes note of the registry. A peer that it does not name stays: the server may have forgotten it. @returns whether a peer is new. */
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

/** Makes the node a member when every other registered node knows it, or one that is a member itself. */
export function admit(standing: Standing, registry: Registry): boolean {
  const { aware, unaware } = othersOf(standing, registry);
  standing.member ||= unaware.length === 0 || aware.some(({ member }) => member);
  return standing.member;
}

/** The server has forgotten this node: whoever registered since has not read its entry. */
export function forgotten(standing: Standing): void {
  standing.member = false;
}

/** A peer left in good order, or its lease has run out: it learns nothing any more under this id. */
export function giveUp(standing: Standing, peer: string): void {
  if (standing.peers.delete(peer)) standing.departures += 1;
}

/** The own lease has run out: others may have given this node up, and learned what it does not know. */
export function lapse(standing: Standing, newId: string): void {
  standing.id = newId;
  standing.member = false;
  standing.peers.clear();
  standing.departures += 1;
}
