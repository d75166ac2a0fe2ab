/** The frame of every page: head, bar, navigation and foot. */
import { code, escape, inline } from '../emit/reference/markup.ts';
import type { Contract } from '../model.ts';
import type { Draft } from './draft.ts';
import { relativeTo, relink } from './links.ts';
import type { Addresses } from './links.ts';
import { navigationHtml } from './navigation.ts';

export interface Framing {
  readonly contract: Contract;
  readonly drafts: readonly Draft[];
  readonly addresses: Addresses;
}

/** @param from path of the page. Empty for the page at `/docs`: its relative links begin at the directory above `docs/`. */
export function framePage(draft: Draft, from: string, { contract, drafts, addresses }: Framing): string {
  const to = (path: string): string => escape(relativeTo(from, path));
  const { title, version, digest, license } = contract;
  const name = `${escape(title)} <span>${escape(version)}</span>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(draft.title)} · ${escape(title)} ${escape(version)}</title>
<meta name="description" content="${escape(draft.summary.replaceAll('`', '').replaceAll(/\s+/g, ' ').trim())}">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${to('assets/site.css')}">
<link rel="alternate" type="text/markdown" href="${to(`${draft.path}.md`)}">
<script type="module" src="${to('assets/site.js')}"></script>${draft.tried === undefined ? '' : `\n<script type="module" src="${to('assets/try.js')}"></script>`}
</head>
<body data-page="${escape(draft.path)}">
<a class="skip" href="#text">Skip to the text</a>
<header class="bar" id="bar"><a class="brand" href="${to('index.html')}">${name}</a><div id="search"></div><a class="menu" href="#contents">Menu</a></header>
<nav id="contents" aria-label="Documentation">
<div class="top"><strong>${name}</strong><a href="#bar">Close</a></div>
${navigationHtml(drafts, draft, from)}
</nav>
<main id="text">
<p class="crumb">${escape(draft.section)}</p>
${relink(draft.html, { from, draft, addresses })}
<footer><a href="${to(`${draft.path}.md`)}">This page as Markdown</a> · <a href="${to('all.html')}">Reference on one page</a> · <a href="${to('llms.txt')}">llms.txt</a><br>
Generated from the contract of ${escape(title)} ${escape(version)}, ${code(digest)}. Licensed under ${escape(license)}.</footer>
</main>
</body>
</html>
`;
}

/**
 * Lists every name of the contract with a link to its page. On the page at `/docs` each entry has the anchor that the
 * name had in the one-page reference. So an old link such as `/docs#error-internal` leads to the entry, and the script
 * continues to the page of the name.
 */
export function nameIndex({ contract, drafts, addresses }: Framing): string {
  const groups = ['Commands', 'Pushes', 'Events', 'HTTP', 'Errors', 'Close codes', 'Lists'] as const;
  const lists = groups.map((section) => {
    const pages = new Set(drafts.filter((draft) => draft.section === section).map(({ path }) => path));
    // Fields are left out: the entry of their message, whose name is before the first dot, is sufficient.
    const isField = (anchor: string): boolean => addresses.has(anchor.split('.', 1)[0] ?? '') && anchor.includes('.');
    const names = [...addresses].filter(([anchor, path]) => pages.has(path) && !isField(anchor));
    const items = names.map(
      ([anchor]) => `<li id="${escape(anchor)}"><a href="#@${escape(anchor)}">${escape(anchor)}</a></li>`,
    );
    return `<h3>${section}</h3>\n<ul class="index">\n${items.join('\n')}\n</ul>`;
  });
  return `<p class="lead">${inline(contract.description.trim().split('\n\n').slice(1).join(' '))}</p>
<h2 id="names">All names</h2>
<details class="names"><summary>Commands, events, errors, limits, types and clauses, in the order of the contract</summary>
${lists.join('\n')}
</details>`;
}
