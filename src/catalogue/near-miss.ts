/**
 * Finds names of custom events that are probably misspelt names of declared events (SUB-7). The gateway only reports them. It does not
 * refuse them, because a custom event may have any name.
 */
import type { Hint } from '../../generated/types.ts';
import type { Catalogue } from './catalogue.ts';
import { matchesName } from './event-pattern.ts';

/** Shorter names are not compared, because they are too often similar by chance. */
const SHORTEST = 4;

/** The first candidate that differs from the name by one typing error. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length < SHORTEST) return undefined;
  for (const candidate of candidates) if (candidate !== name && isTypingError(name, candidate)) return candidate;
  return undefined;
}

/**
 * Whether two names differ by one typing error: one or two adjacent characters are missing, added, changed or swapped. Takes time
 * proportional to the length of the names.
 */
function isTypingError(a: string, b: string): boolean {
  const [shorter, longer] = [Math.min(a.length, b.length), Math.max(a.length, b.length)];
  if (shorter < SHORTEST || longer - shorter > 2) return false;
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < shorter - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  return longer - start - end <= 2;
}

/**
 * Creates hints for the misspelt event names in a command.
 * @param pointerOf returns the JSON pointer of the name at an index of the list
 * @returns an object with a member `hints`, or an empty object if no name looks misspelt
 */
export function hintsOf(
  names: readonly string[],
  catalogue: Catalogue,
  pointerOf: (at: number) => string,
): { readonly hints?: Hint[] } {
  const hints = names.flatMap((name, at): Hint[] => {
    const suggestion = suggestionFor(name, catalogue);
    return suggestion === undefined ? [] : [{ pointer: pointerOf(at), message: wordsOf(name, suggestion), suggestion }];
  });
  return hints.length === 0 ? {} : { hints };
}

function wordsOf(name: string, suggestion: string): string {
  const fact = name.endsWith('*')
    ? 'matches no declared event, only custom ones'
    : 'is not declared, so it is a custom event';
  return `${name} ${fact}; did you mean ${suggestion}?`;
}

function suggestionFor(name: string, { events }: Catalogue): string | undefined {
  if (!name.endsWith('*')) return events.has(name) ? undefined : nearest(name, events.keys());
  const declared = [...events.keys()];
  if (declared.some((each) => matchesName(name, each))) return undefined;
  const stem = name.slice(0, -1);
  const beginnings = declared.flatMap((each) => [0, -1, 1, -2, 2].map((more) => each.slice(0, stem.length + more)));
  // Prefer a suggestion with the same last character: for `entiy_*`, this is `entity_*`, not `entity*`.
  const [alike, others] = [true, false].map((same) =>
    beginnings.filter((each) => (each.at(-1) === stem.at(-1)) === same),
  );
  const meant = nearest(stem, [...(alike ?? []), ...(others ?? [])]);
  return meant === undefined ? undefined : `${meant}*`;
}

/** Maximum number of names to remember; further names are not checked. Without a maximum, invented names could fill the memory. */
const REMEMBERED = 1000;

/**
 * Warns a host program about a misspelt event name at its first use. Clients receive hints in replies; host programs receive no replies.
 */
export class MisspeltNames {
  readonly #catalogue: Catalogue;
  readonly #known = new Set<string>();

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** Checks an event name. @returns the warning; undefined if the name is not misspelt or was used before */
  check(event: string): string | undefined {
    if (this.#catalogue.events.has(event) || this.#known.has(event) || this.#known.size >= REMEMBERED) return undefined;
    this.#known.add(event);
    const suggestion = suggestionFor(event, this.#catalogue);
    return suggestion === undefined ? undefined : wordsOf(event, suggestion);
  }
}
