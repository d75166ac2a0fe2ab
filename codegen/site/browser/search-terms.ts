/**
 * Splits texts into search terms. The index, which is made with the site, and queries in the browser use the same code.
 */
import type { Options } from 'minisearch';

/** An item that a search finds: a page, a field, a clause, a section of a guide. */
export interface Entry {
  readonly id: number;
  readonly title: string;
  /** The kind of item: `error`, `field`, `guide`, … */
  readonly kind: string;
  readonly text: string;
  /** Path of the page, with the anchor. */
  readonly address: string;
  /** The beginning of the text, which a result shows. */
  readonly excerpt: string;
}

/** Common words of questions. They are ignored, because they occur everywhere. */
const COMMON = new Set(
  'a an and are do does for from how i in is it my of on or that the there to what when where which why with'.split(
    ' ',
  ),
);

/**
 * The terms of a text. A name such as `filter_not_applicable`, `BCK-2` or `data.filter` is one term, and each of its
 * parts is a further term.
 */
export function tokenize(text: string): string[] {
  const words = text.match(/[\p{L}\p{N}][\p{L}\p{N}_.:/-]*/gu) ?? [];
  return words.flatMap((word) => {
    const name = word.replace(/[_.:/-]+$/, '');
    const parts = name.split(/[_.:/-]+/);
    return parts.length === 1 ? [name] : [name, ...parts];
  });
}

function processTerm(term: string): string | false {
  const word = term.toLowerCase();
  return word.length === 0 || COMMON.has(word) ? false : word;
}

/** The weight of each kind of item. Kinds for which readers rarely search have a lower weight. */
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
