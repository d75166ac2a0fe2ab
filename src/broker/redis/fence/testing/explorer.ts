/**
 * Explores the model in two ways: exhaustively, with every order of steps up to a given number of steps, and with long random schedules.
 */
import { copyWorld, keyOf } from './fence-model.ts';
import { act, actionsOf } from './model-steps.ts';
import type { FenceRules, World } from './fence-model.ts';
import type { Action } from './model-steps.ts';

export interface Exploration {
  /** Number of different states of the model that were reached. */
  readonly worlds: number;
  readonly steps: number;
  /** The first violation and the steps that led to it. After an exhaustive search, no shorter list of steps leads to a violation. */
  readonly violation: { readonly text: string; readonly actions: readonly Action[] } | undefined;
}

interface Reached {
  readonly world: World;
  readonly before: Reached | undefined;
  readonly action: Action | undefined;
}

export interface ExploreOptions {
  readonly from: World;
  readonly rules: FenceRules;
  readonly depth: number;
}

/** Explores breadth-first, so that the first violation that is found has the fewest steps. */
export function exploreAll({ from, rules, depth }: ExploreOptions): Exploration {
  const seen = new Set([keyOf(from)]);
  let edge: Reached[] = [{ world: from, before: undefined, action: undefined }];
  let steps = 0;
  for (let level = 0; level < depth && edge.length > 0; level += 1) {
    const next: Reached[] = [];
    for (const reached of edge) {
      for (const action of actionsOf(reached.world, rules)) {
        const world = copyWorld(reached.world);
        act(world, action, rules);
        steps += 1;
        const there = { world, before: reached, action };
        if (world.violation !== undefined) {
          return { worlds: seen.size, steps, violation: { text: world.violation, actions: pathOf(there) } };
        }
        const key = keyOf(world);
        if (seen.has(key)) continue;
        seen.add(key);
        next.push(there);
      }
    }
    edge = next;
  }
  return { worlds: seen.size, steps, violation: undefined };
}

export interface ScheduleOptions {
  readonly from: World;
  readonly rules: FenceRules;
  readonly length: number;
  readonly random: () => number;
}

/** Runs one random schedule until it is complete or a promise of the model is violated. */
export function runSchedule({ from, rules, length, random }: ScheduleOptions): {
  readonly actions: readonly Action[];
  readonly violation: string | undefined;
} {
  const world = copyWorld(from);
  const actions: Action[] = [];
  while (actions.length < length && world.violation === undefined) {
    const action = choose(actionsOf(world, rules), random);
    if (action === undefined) break;
    act(world, action, rules);
    actions.push(action);
  }
  return { actions, violation: world.violation };
}

/**
 * How often a random schedule chooses each kind of step, relative to the other kinds. A kind that is not listed has the weight 1. The kind
 * is chosen first, and then a step of this kind. Otherwise most steps would be reads, because there are many ways to read.
 */
const WEIGHTS: Readonly<Partial<Record<Action['kind'], number>>> = {
  publish: 4,
  attest: 4,
  deliver: 3,
  restart: 0.5,
  crash: 0.5,
  leave: 0.5,
};

function choose(actions: readonly Action[], random: () => number): Action | undefined {
  const kinds = [...new Set(actions.map(({ kind }) => kind))].map((kind) => ({ kind, weight: WEIGHTS[kind] ?? 1 }));
  let left = random() * kinds.reduce((sum, { weight }) => sum + weight, 0);
  const kind = kinds.find(({ weight }) => (left -= weight) < 0)?.kind;
  const choices = actions.filter((action) => action.kind === kind);
  return choices[Math.floor(random() * choices.length)];
}

/** A generator of random numbers from 0 up to 1 (mulberry32). It returns the same numbers on every machine. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Formats steps as a text that {@link parseActions} can parse. */
export function describeActions(actions: readonly Action[]): string {
  return actions.map((action) => Object.values(action).join(' ')).join(', ');
}

/** Parses a list of steps such as `start 0, read 0 s, give up 1 n1, restart saved`. */
export function parseActions(text: string): readonly Action[] {
  return text.split(', ').map((step) => {
    const [, kind = '', rest = ''] = /^(give up|publish unanswered|\w+)(?: (.*))?$/.exec(step) ?? [];
    const [first = '', second = ''] = rest.split(' ');
    const wanted = [kind, first, second].join(' ').trim();
    const action = ACTIONS.get(kind)?.(first, second);
    if (action === undefined || describeActions([action]) !== wanted)
      throw new Error(`"${step}" is not a step of the model, such as "read 0 s"`);
    return action;
  });
}

const ofNode = (
  kind: 'start' | 'renew' | 'pause' | 'resume' | 'oversleep' | 'crash' | 'leave' | 'drop' | 'subscribe' | 'deliver',
) => [kind, (node: string): Action => ({ kind, node: Number(node) })] as const;
const ofStream = (kind: 'publish' | 'publish unanswered' | 'read' | 'attest' | 'expire') =>
  [
    kind,
    (node: string, stream: string): Action => ({ kind, node: Number(node), stream: stream === 't' ? 't' : 's' }),
  ] as const;

const ACTIONS: ReadonlyMap<string, (first: string, second: string) => Action> = new Map([
  ...(
    ['start', 'renew', 'pause', 'resume', 'oversleep', 'crash', 'leave', 'drop', 'subscribe', 'deliver'] as const
  ).map(ofNode),
  ...(['publish', 'publish unanswered', 'read', 'attest', 'expire'] as const).map(ofStream),
  ['give up', (node, peer) => ({ kind: 'give up', node: Number(node), peer })],
  ['save', () => ({ kind: 'save' })],
  ['restart', (data) => ({ kind: 'restart', data: data === 'saved' || data === 'empty' ? data : 'kept' })],
]);

function pathOf(reached: Reached): readonly Action[] {
  const actions: Action[] = [];
  for (let at: Reached | undefined = reached; at?.action !== undefined; at = at.before) actions.unshift(at.action);
  return actions;
}
