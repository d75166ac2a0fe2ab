/** Faulty rules that the model must detect. Each is a plausible mistake in this fence or in an earlier version of it. */
import * as knowledge from '../knowledge.ts';
import * as verdict from '../verdict.ts';
import { RULES } from './fence-model.ts';
import type { FenceRules } from './fence-model.ts';

export interface PlantedFault {
  readonly rules: FenceRules;
  /**
   * Steps after which a violation is only a few steps away. From there, an exhaustive search finds the remaining steps. Most steps are an
   * action of a node, with the number of the node: `renew 0`. A stream may follow (`read 1 s`), or the id of another node: in `give up 0
   * n2`, node 0 treats the node n2 as stopped. `save` saves the state of Redis, and `restart saved` restarts Redis with that state.
   */
  readonly near: string;
}

/** Steps after which two nodes know each other and both have read a stream. */
export const TWO_NODES = 'start 0, read 0 s, start 1, renew 0, renew 0, renew 1, read 1 s';

export const PLANTED: Readonly<Record<string, PlantedFault>> = {
  'a node settles without waiting for the others': {
    rules: {
      ...RULES,
      decide: (evidence) =>
        verdict.decide({ ...evidence, witnesses: evidence.witnesses.map((witness) => ({ ...witness, peers: [] })) }),
    },
    near: `${TWO_NODES}, save, publish 0 s`,
  },
  'a node reads events before any other node knows it': {
    rules: { ...RULES, admit: (membership) => (membership.member = true) },
    near: 'start 0, read 0 s, save, start 1, read 1 s',
  },
  'a node that no other node knows vouches for a new node': {
    rules: {
      ...RULES,
      admit: (membership, registry) => {
        const others = [...registry].filter(([id]) => id !== membership.id);
        membership.member ||= others.length === 0 || others.some(([, { knows }]) => knows.includes(membership.id));
        return membership.member;
      },
    },
    near:
      'start 0, read 0 s, leave 0, save, start 0, start 1, renew 0, renew 0, renew 1, read 0 s, read 1 s, restart saved, ' +
      'start 2, attest 2 s, save, renew 1, renew 0',
  },
  'a node continues although the server has lost its entry': {
    rules: { ...RULES, forgotten: () => undefined },
    near:
      'start 0, read 0 s, save, start 1, renew 0, renew 0, renew 1, read 1 s, restart saved, start 2, renew 0, renew 0, ' +
      'renew 2, attest 0 s, expire 0 s, read 2 s, leave 0, give up 2 n1, read 2 s, save, renew 1, read 1 s',
  },
  'a living node is given up': {
    rules: { ...RULES, givesUpTheLiving: true },
    near: `${TWO_NODES}, give up 0 n2, read 0 s, save, publish 1 s`,
  },
  'a node keeps its id after its lease has expired': {
    rules: {
      ...RULES,
      loseLease: (membership) => {
        membership.member = false;
        membership.peers.clear();
        membership.departures += 1;
      },
    },
    near: `${TWO_NODES}, pause 1, oversleep 1, give up 0 n2, read 0 s, save, resume 1, renew 1, read 1 s`,
  },
  'a node vouches although it was given up meanwhile': {
    rules: {
      ...RULES,
      loseLease: (membership, newId) => {
        membership.id = newId;
        membership.member = false;
        membership.peers.clear();
      },
    },
    near: 'start 0, read 0 s, save, pause 0, oversleep 0, start 1, give up 1 n1, renew 1, read 1 s, publish 1 s',
  },
  'a node vouches although another node has left since it read the registry': {
    rules: { ...RULES, giveUp: (membership, peer) => void membership.peers.delete(peer) },
    near: 'start 0, read 0 s, save, start 1, renew 0, renew 0, renew 1, read 1 s, drop 0, publish 1 s, leave 1, give up 0 n2',
  },
  'a node vouches for every position that it has seen': {
    rules: {
      ...RULES,
      giveTestimony: (known, membership, stream) => {
        const testimony = knowledge.giveTestimony(known, membership, stream);
        return { ...testimony, confirmed: testimony.place !== undefined };
      },
    },
    near: 'start 0, read 0 s, save, start 1, renew 0, renew 0, renew 1, read 1 s, drop 0, publish 1 s, leave 1, give up 0 n2',
  },
  'messages of the old server are applied after the testimony': {
    rules: {
      ...RULES,
      giveTestimony: (known, membership, stream) => {
        const acceptedServer = known.streams.get(stream)?.acceptedServer;
        const testimony = knowledge.giveTestimony(known, membership, stream);
        const after = known.streams.get(stream);
        if (after !== undefined) after.acceptedServer = acceptedServer;
        return testimony;
      },
    },
    near: `${TWO_NODES}, save, publish unanswered 0 s, restart saved`,
  },
  'messages of every server are applied': {
    rules: {
      ...RULES,
      applies: (known, membership, stream) =>
        membership.member && known.streams.get(stream)?.acceptedServer !== undefined,
    },
    near: `${TWO_NODES}, save, publish unanswered 0 s, restart saved, attest 1 s`,
  },
  'a contradiction is overlooked': {
    rules: {
      ...RULES,
      verdictOf: (testimony, facts) => {
        const truth = verdict.verdictOf(testimony, facts);
        return truth === 'contradicts' ? 'silent' : truth;
      },
    },
    near: `${TWO_NODES}, save, drop 1, publish 0 s`,
  },
  'the epoch continues although no node vouches': {
    rules: {
      ...RULES,
      decide: (evidence) => {
        const decision = verdict.decide(evidence);
        return decision.kind === 'begin' && decision.why === 'nobody vouches' ? { kind: 'extend' } : decision;
      },
    },
    near: 'start 0, read 0 s, save, publish 0 s, crash 0',
  },
  'the epoch continues although the other nodes do not answer': {
    rules: {
      ...RULES,
      decide: (evidence) => {
        const decision = verdict.decide(evidence);
        return decision.kind === 'begin' && decision.why === 'silence' ? { kind: 'extend' } : decision;
      },
    },
    near: `${TWO_NODES}, save, publish 0 s, crash 0, restart saved`,
  },
};
