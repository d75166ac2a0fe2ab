/** The index of the search: every page, field, clause, list entry and section with an anchor. */
import MiniSearch from 'minisearch';
import { OPTIONS } from './browser/search-terms.ts';
import type { Entry } from './browser/search-terms.ts';
import type { Draft } from './draft.ts';
import type { Addresses } from './links.ts';

/** How many characters of an item's text a result shows. */
const EXCERPT = 170;
/** How many characters of an item's text are searched. */
const SEARCHED = 1500;

/** The kind of an item by the beginning of its anchor. Items with other anchors have the kind of their page. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^limit-/, 'limit'],
  [/^filter-/, 'filter field'],
  [/^replay-(?!policies)/, 'replay policy'],
  [/^gap-(?!reasons)/, 'gap reason'],
  [/^scope-/, 'scope'],
  [/^type-/, 'type'],
  [/^[A-Z]{3}-\d+$/, 'clause'],
  [/^[a-z_]+\/[a-z0-9-]+$/, 'tape'],
  [/\./, 'field'],
];

export function emitSearchIndex(drafts: readonly Draft[], addresses: Addresses): string {
  const index = new MiniSearch<Entry>(OPTIONS);
  index.addAll(drafts.flatMap((draft) => entriesOf(draft, addresses)).map((entry, id) => ({ ...entry, id })));
  return JSON.stringify(index);
}

/** The items of a page. An item begins at an element with an anchor, and ends before the next such element. */
function entriesOf(draft: Draft, addresses: Addresses): readonly Omit<Entry, 'id'>[] {
  // Leave out the list of all names, because it repeats the names of other pages.
  const [shown = ''] = draft.html.split('<h2 id="names">');
  const starts = [...shown.matchAll(/<(h[1-4]|tr|div|li|section)\b[^>]* id="([^"]+)"/g)].filter(
    ([, , id = '']) => id !== 'try' && !id.endsWith('.advice'),
  );
  return starts.flatMap((match, at) => {
    const [, tag = '', anchor = ''] = match;
    // Leave out a row of a list if the name in it has its own page.
    if (draft.anchors === 'contract' && addresses.get(anchor) !== draft.path) return [];
    const html = shown.slice(match.index, starts[at + 1]?.index);
    const { title, text } = split(tag, html);
    const isPage = tag === 'h1';
    const kind =
      isPage || draft.anchors === 'guide'
        ? draft.kind
        : (KINDS.find(([start]) => start.test(anchor))?.[1] ?? draft.kind);
    return [
      {
        title: titleOf({ draft, anchor, kind, title, isPage }),
        kind,
        text: text.slice(0, SEARCHED),
        address: isPage ? `${draft.path}.html` : `${draft.path}.html#${anchor}`,
        excerpt: text.length > EXCERPT ? `${text.slice(0, EXCERPT).replace(/\s\S*$/, '')}…` : text,
      },
    ];
  });
}

interface Titled {
  readonly draft: Draft;
  readonly anchor: string;
  readonly kind: string;
  readonly title: string;
  readonly isPage: boolean;
}

/** The title of an item. The name is sufficient for a field; a section also needs the title of its page. */
function titleOf({ draft, anchor, kind, title, isPage }: Titled): string {
  if (isPage) return draft.title;
  if (kind === 'field' || kind === 'tape') return anchor;
  return draft.anchors === 'guide' ? `${draft.title}: ${title}` : title;
}

const HEADINGS: Readonly<Record<string, RegExp>> = { tr: /<th[^>]*>(.*?)<\/th>/s, div: /<dt[^>]*>(.*?)<\/dt>/s };

function split(tag: string, html: string): { readonly title: string; readonly text: string } {
  const heading = HEADINGS[tag] ?? new RegExp(`<${tag}[^>]*>(.*?)</${tag}>`, 's');
  const found = heading.exec(html);
  if (found === null) return { title: '', text: plain(html) };
  return { title: plain(found[1] ?? ''), text: plain(html.slice(found.index + found[0].length)) };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
};

function plain(html: string): string {
  return html
    .replaceAll(/<(?:p|td|dd|li|pre|br)\b[^>]*>/g, ' ')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (entity) => ENTITIES[entity] ?? entity)
    .replaceAll(/\s+/g, ' ')
    .trim();
}
