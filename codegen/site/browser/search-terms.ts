/** How texts become terms: the same for the index, which is made when the site is generated, and for queries in the browser. */
import type { Options } from 'minisearch';

/** An item that a search finds: a page, a field, a clause, a section of a guide. */
export interface Entry {
  readonly id: number;
  readonly title: string;
  /** What it is: `error`, `field`, `guide`, … */
  readonly kind: string;
  readonly text: string;
  /** Path of the page, with the anchor. */
  readonly address: string;
  /** The beginning of its text. */
  readonly excerpt: string;
}

/** Words of questions that occur everywhere. */
const COMMON = new Set(
  'a an and are do does for from how i in is it my of on or that the there to what when where which why with'.split(
    ' ',
  ),
);

/** Names such as `filter_not_applicable`, `BCK-2` and `data.filter` are one term, and each of their parts is another one. */
export function tokenize(text: string): string[] {
  const words = text.match(/[\p{L}\p{N}][\p{L}\p{N}_.:/-]*/gu) ?? [];
  return words.flatMap((word) => {
    const name = word.replace(/[_.:/-]+$/, '');
    const parts = name.split(/[_.:/-]+/);
    return parts.length === 1 ? [name] : [name, ...parts];
  });
}

export function processTerm(term: string): string | false {
  const word = term.toLowerCase();
  return word.length === 0 || COMMON.has(word) ? false : word;
}

/** Kinds that readers look for rarely have a lower weight. */
const WEIGHTS: ReadonlyMap<string, number> = new Map([
  ['tape', 0.25],
  ['package', 0.4],
  ['decision', 0.6],
  ['command', 2],
  ['event', 2],
  ['push', 1.6],
  ['http', 1.6],
  ['error', 2],
  ['close code', 1.6],
  ['clause', 1.2],
  ['guide', 1.3],
]);

export const OPTIONS: Options<Entry> = {
  fields: ['title', 'text'],
  storeFields: ['title', 'kind', 'address', 'excerpt'],
  tokenize,
  processTerm,
  searchOptions: {
    prefix: true,
    fuzzy: (term) => (term.length > 5 ? 0.2 : false),
    boost: { title: 5 },
    boostDocument: (_id, _term, stored) => WEIGHTS.get(String(stored?.['kind'])) ?? 1,
  },
};
