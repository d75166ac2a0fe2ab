/** Resolves the links of drafts, and shortens relative addresses. */
import { posix } from 'node:path';
import { CONTRACT } from './draft.ts';
import type { Draft } from './draft.ts';

/** For each anchor, the path of the page that describes it best. */
export type Addresses = ReadonlyMap<string, string>;

/** The anchor of the try-it form, which every page of an operation has. */
const TRY = 'try';

/**
 * Finds the page of each anchor. If several drafts have the same anchor, the first one counts, so pages about a single thing
 * must come before lists.
 */
export function addressesOf(drafts: readonly Draft[]): Addresses {
  const addresses = new Map<string, string>();
  for (const { path, html } of drafts.filter(({ anchors }) => anchors === 'contract'))
    for (const [, anchor = ''] of html.matchAll(/ id="([^"]+)"/g))
      if (anchor !== TRY && !addresses.has(anchor)) addresses.set(anchor, path);
  return addresses;
}

/** The relative address of a page or file. @param from path of the page with the link; empty for the page at `/docs` itself */
export function relativeTo(from: string, to: string): string {
  return from === '' ? `docs/${to}` : posix.relative(posix.dirname(`/${from}`), `/${to}`);
}

const CLAUSE = /\b[A-Z]{3}-\d+\b/g;

/** @param from path of the page, or empty for the page at `/docs` itself */
export function relink(html: string, { from, draft, addresses }: Relinking): string {
  const resolve = (anchor: string): string => {
    const owner = addresses.get(anchor);
    if (owner === undefined || owner === draft.path) return `#${anchor}`;
    return `${relativeTo(from, `${owner}.html`)}#${anchor}`;
  };
  const hrefOf = (anchor: string): string => {
    if (anchor.startsWith(CONTRACT)) return resolve(anchor.slice(CONTRACT.length));
    return draft.anchors === 'guide' ? `#${anchor}` : resolve(anchor);
  };
  const linked = html.replaceAll(/href="#([^"]+)"/g, (_all, anchor: string) => `href="${hrefOf(anchor)}"`);
  // Guides link to each other by relative addresses. On the page at `/docs` these are relative to the directory above.
  const placed =
    from === '' ? linked.replaceAll(/href="(?=[a-z0-9_-]+(?:\/|\.html))(?!docs\/)/g, 'href="docs/') : linked;
  return outsideOfLinks(placed, (text) =>
    text.replaceAll(CLAUSE, (id) => (addresses.has(id) ? `<a class="clause" href="${resolve(id)}">${id}</a>` : id)),
  );
}

interface Relinking {
  readonly from: string;
  readonly draft: Draft;
  readonly addresses: Addresses;
}

const OPAQUE = /^(?:a|code|pre|h1|h2|h3|h4|dt|summary)$/;

/** Changes the text of a page, but not the text of links, code and headings. */
function outsideOfLinks(html: string, change: (text: string) => string): string {
  let opaque = 0;
  return html
    .split(/(<[^>]+>)/)
    .map((part) => {
      const [, close, name = ''] = /^<(\/?)([a-z0-9]+)/.exec(part) ?? [];
      if (close === undefined) return opaque === 0 ? change(part) : part;
      if (OPAQUE.test(name)) opaque += close === '' ? 1 : -1;
      return part;
    })
    .join('');
}

/**
 * Resolves the links of a Markdown page. In them, the anchors of headings have another form: `#bck-2`, `#the-connection`.
 */
export function relinkMarkdown(markdown: string, draft: Draft, addresses: Addresses): string {
  const linked = markdown.replaceAll(/\]\(#([^)\s]+)\)/g, (all, written: string) => {
    if (draft.anchors === 'guide' && !written.startsWith(CONTRACT)) return all;
    const anchor = written.replace(CONTRACT, '');
    const found = [anchor, anchor.toUpperCase(), anchor.replace(/^the-/, '')].find((each) => addresses.has(each));
    const owner = found === undefined ? undefined : addresses.get(found);
    if (owner === undefined || found === undefined) return `](#${anchor})`;
    return owner === draft.path ? `](#${found})` : `](${relativeTo(draft.path, `${owner}.md`)}#${found})`;
  });
  // Remove links to sources of the repository, which occur in texts of the contract. Guides contain no such links.
  return draft.anchors === 'guide' ? linked : linked.replaceAll(/\[([^\]\n]+)\]\((?:\.\.\/){2}[^)\s]*\)/g, '$1');
}
