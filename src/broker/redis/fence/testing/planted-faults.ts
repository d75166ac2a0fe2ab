/** Broken rules that the model must find: each is a mistake that this fence, or the one before it, could have made. */
import * as knowledge from '../knowledge.ts';
import * as verdict from '../verdict.ts';
import { RULES } from './fence-model.ts';
import type { FenceRules } from './fence-model.ts';

export const PLANTED: Readonly<Record<string, FenceRules>> = {
  'a node settles without waiting for the others': {
    ...RULES,
    decide: (hearing) =>
      verdict.decide({ ...hearing, witnesses: hearing.witnesses.map((witness) => ({ ...witness, peers: [] })) }),
  },
  'a node learns before any other one knows it': {
    ...RULES,
    admit: (standing) => (standing.member = true),
  },
  'a node that knows the newcomer counts, although nobody knows that node': {
    ...RULES,
    admit: (standing, registry) => {
      const others = [...registry].filter(([id]) => id !== standing.id);
      standing.member ||= others.length === 0 || others.some(([, { knows }]) => knows.includes(standing.id));
      return standing.member;
    },
  },
  'a node that the server has forgotten goes on': { ...RULES, forgotten: () => undefined },
  'a living node is given up': { ...RULES, givesUpTheLiving: true },
  'a node goes on under its id when its lease has run out': {
    ...RULES,
    lapse: (standing) => {
      standing.departures += 1;
    },
  },
  'a node vouches although it was given up meanwhile': {
    ...RULES,
    lapse: (standing, newId) => {
      standing.id = newId;
      standing.member = false;
      standing.peers.clear();
    },
  },
  'a node vouches for what nobody confirmed since another one left': {
    ...RULES,
    giveUp: (standing, peer) => void standing.peers.delete(peer),
  },
  'a node vouches for whatever it has seen': {
    ...RULES,
    testify: (known, standing, stream) => {
      const testimony = knowledge.testify(known, standing, stream);
      return { ...testimony, confirmed: testimony.place !== undefined };
    },
  },
  'messages of the old server are applied after the testimony': {
    ...RULES,
    testify: (known, standing, stream) => {
      const believes = known.streams.get(stream)?.believes;
      const testimony = knowledge.testify(known, standing, stream);
      const after = known.streams.get(stream);
      if (after !== undefined) after.believes = believes;
      return testimony;
    },
  },
  'messages are applied whichever server sent them': {
    ...RULES,
    applies: (known, standing, stream) => standing.member && known.streams.get(stream)?.believes !== undefined,
  },
  'a contradiction is overlooked': {
    ...RULES,
    verdictOf: (testimony, facts) => {
      const truth = verdict.verdictOf(testimony, facts);
      return truth === 'contradicts' ? 'silent' : truth;
    },
  },
  'a missing event is overlooked when the count is right': {
    ...RULES,
    verdictOf: (testimony, facts) => {
      const truth = verdict.verdictOf(testimony, facts);
      const short = (testimony.place?.sequenceId ?? 0) > facts.head.sequenceId;
      return truth === 'contradicts' && !short && testimony.place?.epoch === facts.head.epoch ? 'vouches' : truth;
    },
  },
  'when nobody vouches, the epoch goes on': {
    ...RULES,
    decide: (hearing) => {
      const decision = verdict.decide(hearing);
      return decision.kind === 'begin' && decision.why === 'nobody vouches' ? { kind: 'extend' } : decision;
    },
  },
  'when the others stay silent, the epoch goes on': {
    ...RULES,
    decide: (hearing) => {
      const decision = verdict.decide(hearing);
      return decision.kind === 'begin' && decision.why === 'silence' ? { kind: 'extend' } : decision;
    },
  },
};
