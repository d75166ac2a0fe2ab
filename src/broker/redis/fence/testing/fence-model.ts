/**
 * A model of nodes that share one Redis. It uses the real rules of the fence (membership.ts, knowledge.ts, verdict.ts), but represents the
 * server, the network and the clock as data. Therefore, a test can try every order of steps and faults (model-steps.ts).
 *
 * The model checks two promises. First, an epoch that continues contains every event of this epoch that was acknowledged to a publisher or
 * delivered to a subscriber. Second, no position has two events.
 */
import * as knowledge from '../knowledge.ts';
import type { Known, KnownPlace, Testimony } from '../knowledge.ts';
import * as membership from '../membership.ts';
import type { RegistryEntry, Membership } from '../membership.ts';
import * as verdict from '../verdict.ts';
import type { Decision, Evidence, StreamFacts, Verdict, Witness } from '../verdict.ts';

/** The rules that a test may replace by faulty ones. */
export interface FenceRules {
  readonly admit: typeof membership.admit;
  readonly forgotten: typeof membership.forgotten;
  readonly loseLease: typeof membership.loseLease;
  readonly giveUp: typeof membership.giveUp;
  readonly giveTestimony: (known: Known, membership: Membership, stream: string) => Testimony;
  readonly applies: typeof knowledge.applies;
  readonly verdictOf: (testimony: Testimony, facts: StreamFacts) => Verdict;
  readonly decide: (evidence: Evidence) => Decision;
  /** Whether a node may be given up (removed as stopped) although its lease has not expired. */
  readonly givesUpTheLiving: boolean;
}

export const RULES: FenceRules = {
  admit: membership.admit,
  forgotten: membership.forgotten,
  loseLease: membership.loseLease,
  giveUp: membership.giveUp,
  giveTestimony: knowledge.giveTestimony,
  applies: knowledge.applies,
  verdictOf: verdict.verdictOf,
  decide: verdict.decide,
  givesUpTheLiving: false,
};

export const STREAMS = ['s', 't'] as const;
export type Stream = (typeof STREAMS)[number];

export interface StoredStream {
  readonly epoch: string;
  readonly incarnation: string;
  /** Ids of the events, beginning with the event number 1. */
  readonly log: readonly string[];
  readonly witnesses: ReadonlyMap<string, Witness & { readonly run: string }>;
}

/** The data of the server, which it may lose. A change replaces this object instead of modifying it. */
export interface Stored {
  readonly registry: ReadonlyMap<string, RegistryEntry>;
  readonly streams: Readonly<Record<Stream, StoredStream | undefined>>;
}

export const EMPTY: Stored = { registry: new Map(), streams: { s: undefined, t: undefined } };

export interface Message {
  readonly stream: Stream;
  readonly incarnation: string;
  readonly place: KnownPlace;
}

export interface ModelNode {
  life: 'absent' | 'up' | 'paused';
  /** Whether the lease of the node has expired, but the node has not noticed this yet. */
  overslept: boolean;
  subscribed: boolean;
  /** The server on which the node last renewed its lease. The node learns nothing from another server. */
  registeredAt: string;
  membership: Membership;
  known: Known;
  /** Messages in transit, including those in the node's socket buffer. They are not lost when the server restarts. */
  inbox: readonly Message[];
}

/** The maximum number of steps of each kind. Kinds of steps that are not listed have no limit. */
export interface Budget {
  readonly publishes: number;
  readonly restarts: number;
  readonly saves: number;
  readonly pauses: number;
  readonly crashes: number;
  readonly starts: number;
  readonly drops: number;
}

export interface World {
  incarnation: number;
  epochs: number;
  lives: number;
  stored: Stored;
  /** The data that the server has on its disk. */
  saved: Stored | undefined;
  readonly nodes: ModelNode[];
  /** For each position, as `<stream> <epoch>/<number>`, the event that was reported with this position. */
  readonly knownEvents: Map<string, string>;
  readonly left: { -readonly [K in keyof Budget]: Budget[K] };
  violation: string | undefined;
}

export function newWorld(nodes: number, budget: Budget): World {
  return {
    incarnation: 1,
    epochs: 0,
    lives: 0,
    stored: EMPTY,
    saved: undefined,
    nodes: Array.from({ length: nodes }, () => ({
      life: 'absent',
      overslept: false,
      subscribed: false,
      registeredAt: '',
      membership: membership.newMembership(''),
      known: knowledge.newKnown(),
      inbox: [],
    })),
    knownEvents: new Map(),
    left: { ...budget },
    violation: undefined,
  };
}

export function copyWorld(world: World): World {
  return {
    ...world,
    nodes: world.nodes.map((node) => ({
      ...node,
      membership: { ...node.membership, peers: new Map(node.membership.peers) },
      known: {
        forgot: node.known.forgot,
        streams: new Map([...node.known.streams].map(([stream, each]) => [stream, { ...each }])),
      },
    })),
    knownEvents: new Map(world.knownEvents),
    left: { ...world.left },
  };
}

/** Identifies the state of a world: if two worlds have the same key, the same steps have the same results in both. */
export function keyOf(world: World): string {
  const { incarnation, epochs, lives, stored, saved, nodes, knownEvents, left } = world;
  const parts = [incarnation, epochs, lives, textOf(stored), saved === undefined ? '' : textOf(saved)];
  for (const node of nodes) {
    if (node.life === 'absent') {
      parts.push('-');
      continue;
    }
    parts.push(`${node.life[0]}${Number(node.overslept)}${Number(node.subscribed)}${node.registeredAt}`);
    const { id, member, peers, departures } = node.membership;
    parts.push(`${id}${Number(member)}${departures}`, [...peers].map(String).toSorted().join(';'));
    for (const stream of STREAMS) {
      const known = node.known.streams.get(stream);
      if (known === undefined) parts.push('-');
      else
        parts.push(
          `${showPlace(known.place)}${known.confirmed === departures ? '!' : '?'}${known.acceptedServer ?? ''}`,
        );
    }
    for (const { stream, incarnation: run, place } of node.inbox) parts.push(`${stream}${run}${showPlace(place)}`);
  }
  parts.push([...knownEvents].map(String).toSorted().join(';'), Object.values(left).join());
  return parts.join('|');
}

const texts = new WeakMap<Stored, string>();

function textOf(stored: Stored): string {
  const before = texts.get(stored);
  if (before !== undefined) return before;
  const text = JSON.stringify([
    [...stored.registry].map(([id, { member, knows }]) => [id, member, knows]),
    STREAMS.map((stream) => {
      const at = stored.streams[stream];
      return at === undefined ? 0 : [at.epoch, at.incarnation, at.log, [...at.witnesses.values()]];
    }),
  ]);
  texts.set(stored, text);
  return text;
}

function showPlace({ epoch, sequenceId, eventId }: KnownPlace): string {
  return `${epoch}/${sequenceId}=${eventId}`;
}
