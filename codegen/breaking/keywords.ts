/** Compares keywords that limit values independently of other keywords: ranges of numbers, lengths, patterns. */
import { show, sides } from './change.ts';
import type { Change, Effect } from './change.ts';
import type { JsonObject } from './json.ts';
import type { Place } from './schema-document.ts';

interface Sides {
  readonly was: Place & { readonly schema: JsonObject };
  readonly now: Place & { readonly schema: JsonObject };
}

type Bound = 'lower' | 'upper';

/** For each keyword: which end of the range the keyword limits, and the limit if the keyword is absent. */
const BOUNDS = {
  minLength: ['lower', 0],
  maxLength: ['upper', Number.POSITIVE_INFINITY],
  minItems: ['lower', 0],
  maxItems: ['upper', Number.POSITIVE_INFINITY],
  minProperties: ['lower', 0],
  maxProperties: ['upper', Number.POSITIVE_INFINITY],
} as const satisfies Readonly<Record<string, readonly [Bound, number]>>;

export function stringChanges(pair: Sides): Change[] {
  return [
    ...boundChanges(pair, 'minLength'),
    ...boundChanges(pair, 'maxLength'),
    ...textRuleChanges(pair, 'pattern'),
    ...textRuleChanges(pair, 'format'),
  ];
}

export function boundChanges({ was, now }: Sides, keyword: keyof typeof BOUNDS): Change[] {
  const [end, absent] = BOUNDS[keyword];
  const [before, after] = [numberOf(was.schema[keyword], absent), numberOf(now.schema[keyword], absent)];
  if (before === after) return [];
  return [moved({ was, now }, { keyword, end, before, after, absent })];
}

interface Move {
  readonly keyword: string;
  readonly end: Bound;
  readonly before: number;
  readonly after: number;
  readonly absent: number;
}

function moved({ was, now }: Sides, { keyword, end, before, after, absent }: Move): Change {
  const tighter = end === 'lower' ? after > before : after < before;
  const verb = before === absent ? 'added' : after === absent ? 'removed' : after > before ? 'raised' : 'lowered';
  return {
    rule: `${kebab(keyword)}-${verb}`,
    effect: tighter ? 'narrows' : 'widens',
    ...sides(was, now, keyword),
    text: `${keyword} ${verb === 'removed' ? `${before} was removed` : verb === 'added' ? `${after} was added` : `changed from ${before} to ${after}`}`,
  };
}

/** Compares `pattern` and `format`. If the value changes, the effect is undecided. */
function textRuleChanges({ was, now }: Sides, keyword: 'pattern' | 'format'): Change[] {
  const [before, after] = [was.schema[keyword], now.schema[keyword]];
  if (before === after) return [];
  const verb = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  const effect: Effect = verb === 'added' ? 'narrows' : verb === 'removed' ? 'widens' : 'undecided';
  const text =
    verb === 'changed'
      ? `${keyword} changed from ${show(before)} to ${show(after)}; it cannot be determined which of the two accepts more values`
      : `${keyword} ${show(before ?? after)} was ${verb}`;
  return [{ rule: `${keyword}-${verb}`, effect, ...sides(was, now, keyword), text }];
}

export function numberChanges(pair: Sides, onlyIntegers: boolean): Change[] {
  return [
    ...edgeChanges(pair, 'lower', onlyIntegers),
    ...edgeChanges(pair, 'upper', onlyIntegers),
    ...multipleChanges(pair),
  ];
}

const EDGES = {
  lower: { inclusive: 'minimum', exclusive: 'exclusiveMinimum', absent: Number.NEGATIVE_INFINITY },
  upper: { inclusive: 'maximum', exclusive: 'exclusiveMaximum', absent: Number.POSITIVE_INFINITY },
} as const;

interface Edge {
  readonly at: number;
  /** Whether the limit itself is not a valid value. */
  readonly open: boolean;
}

function edgeOf(schema: JsonObject, end: Bound, onlyIntegers: boolean): Edge {
  const { inclusive, exclusive, absent } = EDGES[end];
  const closed = numberOf(schema[inclusive], absent);
  const open = numberOf(schema[exclusive], absent);
  const isOpen = open !== absent && (end === 'lower' ? open >= closed : open <= closed);
  if (!onlyIntegers) return { at: isOpen ? open : closed, open: isOpen };
  // Use the first integer inside the limit, so that 0 < n and 1 ≤ n are equal.
  if (end === 'lower') return { at: isOpen ? Math.floor(open) + 1 : Math.ceil(closed), open: false };
  return { at: isOpen ? Math.ceil(open) - 1 : Math.floor(closed), open: false };
}

function edgeChanges({ was, now }: Sides, end: Bound, onlyIntegers: boolean): Change[] {
  const [before, after] = [edgeOf(was.schema, end, onlyIntegers), edgeOf(now.schema, end, onlyIntegers)];
  if (before.at === after.at && before.open === after.open) return [];
  const { inclusive, exclusive, absent } = EDGES[end];
  const keyword = now.schema[exclusive] === undefined && was.schema[exclusive] === undefined ? inclusive : exclusive;
  if (before.at !== after.at)
    return [moved({ was, now }, { keyword, end, before: before.at, after: after.at, absent })];
  return [
    {
      rule: `${kebab(inclusive)}-${after.open ? 'opened' : 'closed'}`,
      effect: after.open ? 'narrows' : 'widens',
      ...sides(was, now, keyword),
      text: `the bound ${after.at} itself is ${after.open ? 'no longer' : 'now'} valid`,
    },
  ];
}

function multipleChanges({ was, now }: Sides): Change[] {
  const [before, after] = [was.schema['multipleOf'], now.schema['multipleOf']];
  if (before === after) return [];
  const effect = multipleEffect(before, after);
  return [{ rule: 'multiple-of-changed', effect, ...sides(was, now, 'multipleOf'), text: 'multipleOf changed' }];
}

function multipleEffect(before: unknown, after: unknown): Effect {
  if (typeof before !== 'number') return 'narrows';
  if (typeof after !== 'number') return 'widens';
  if (Number.isInteger(before / after)) return 'widens';
  return Number.isInteger(after / before) ? 'narrows' : 'replaces';
}

export function uniqueChanges({ was, now }: Sides): Change[] {
  const [before, after] = [was.schema['uniqueItems'] === true, now.schema['uniqueItems'] === true];
  if (before === after) return [];
  return [
    {
      rule: `unique-items-${after ? 'added' : 'removed'}`,
      effect: after ? 'narrows' : 'widens',
      ...sides(was, now, 'uniqueItems'),
      text: `items ${after ? 'must now be unique' : 'no longer have to be unique'}`,
    },
  ];
}

function numberOf(value: unknown, absent: number): number {
  return typeof value === 'number' ? value : absent;
}

function kebab(keyword: string): string {
  return keyword.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
