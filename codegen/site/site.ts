/** Makes the documentation of a contract: a static site, whose pages work without JavaScript and below any prefix. */
import { emitReferencePage } from '../emit/reference/page.ts';
import { emitReferenceText } from '../emit/reference/text.ts';
import { emitValidators } from '../emit/validators.ts';
import type { Contract } from '../model.ts';
import { readAssets } from './assets.ts';
import type { Draft } from './draft.ts';
import { framePage, nameIndex } from './frame.ts';
import type { Framing } from './frame.ts';
import { HOME, guidePages } from './guide-pages.ts';
import { addressesOf, relinkMarkdown } from './links.ts';
import { listPages, tapePages } from './list-pages.ts';
import { llmsText } from './llms.ts';
import { inOrder } from './navigation.ts';
import { emitOperations } from './operations.ts';
import { closeCodePages, errorPages } from './outcome-pages.ts';
import { emitSearchIndex } from './search-index.ts';
import { readSources } from './sources.ts';
import type { SiteSources } from './sources.ts';
import { topicPages } from './topic-pages.ts';

/** The text of each file of the site, by its path. */
export type Site = ReadonlyMap<string, string>;

/**
 * The page for the address `/docs` (without a slash at the end). Its links are relative to the directory above the
 * site.
 */
export const ENTRY = 'entry.html';

export function draftsOf(contract: Contract, { guides, tapes }: SiteSources): readonly Draft[] {
  return inOrder([
    ...topicPages(contract, tapes),
    ...errorPages(contract, tapes),
    ...closeCodePages(contract, tapes),
    ...listPages(contract, tapes),
    ...tapePages(tapes),
    ...guidePages(guides),
  ]);
}

export function buildSite(contract: Contract, sources: SiteSources = readSources()): Site {
  const plain = draftsOf(contract, sources);
  const addresses = addressesOf(plain.toSorted((a, b) => rankOf(a) - rankOf(b)));
  const index = nameIndex({ contract, drafts: plain, addresses });
  const drafts = plain.map((draft) => (draft.path === HOME ? { ...draft, html: `${draft.html}\n${index}` } : draft));
  const framing: Framing = { contract, drafts, addresses };
  const files = new Map<string, string>();
  for (const draft of drafts) {
    files.set(`${draft.path}.html`, framePage(draft, `${draft.path}.html`, framing));
    files.set(`${draft.path}.md`, `${relinkMarkdown(draft.markdown, draft, addresses).trim()}\n`);
    if (draft.path === HOME) files.set(ENTRY, framePage(draft, '', framing));
  }
  for (const [path, svg] of Object.entries(sources.figures)) files.set(path, svg);
  files.set('all.html', emitReferencePage(contract));
  files.set('all.md', emitReferenceText(contract).replaceAll(/\[([^\]\n]+)\]\((?:\.\.\/|index\.html)[^)\s]*\)/g, '$1'));
  files.set('llms.txt', llmsText(contract, drafts));
  files.set('assets/operations.json', emitOperations(contract));
  files.set('assets/validators.js', emitValidators(contract).code);
  files.set('search.json', emitSearchIndex(drafts, addresses));
  for (const [path, text] of readAssets()) files.set(`assets/${path}`, text);
  return files;
}

/**
 * Pages about a single thing come first, so that links to a name lead to its own page and not to a list that also
 * contains the name.
 */
function rankOf({ kind }: Draft): number {
  return kind === 'list' || kind === 'overview' ? 1 : 0;
}
