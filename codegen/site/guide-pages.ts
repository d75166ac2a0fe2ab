/** The Markdown pages of `docs/`: guides, explanation, decisions, the glossary and the references of settings and packages. */
import { posix } from 'node:path';
import { Marked } from 'marked';
import { escape } from '../emit/reference/markup.ts';
import { CONTRACT } from './draft.ts';
import type { Draft, Section } from './draft.ts';

/** The section of each folder in `docs/`. Other folders belong to the guides. */
const FOLDERS: Readonly<Record<string, Section>> = {
  '.': 'Start',
  tutorials: 'Start',
  guides: 'Guides',
  configuration: 'Configuration',
  api: 'API of the packages',
  explanation: 'Explanation',
  decisions: 'Decisions',
};

/** The start page of the documentation: `docs/index.md`. */
export const HOME = 'index';

export function guidePages(guides: Readonly<Record<string, string>>): readonly Draft[] {
  const paths = new Set(Object.keys(guides));
  return Object.entries(guides).map(([file, markdown]) => guidePage(file, markdown, paths));
}

function guidePage(file: string, markdown: string, paths: ReadonlySet<string>): Draft {
  const [, title = file] = /^# (.+)$/m.exec(markdown) ?? [];
  const [folder = ''] = file.includes('/') ? file.split('/') : ['.'];
  const path = pageOf(file);
  return {
    path,
    title: title.replaceAll('`', ''),
    section: FOLDERS[folder] ?? 'Guides',
    anchors: 'guide',
    kind: folder === 'decisions' ? 'decision' : folder === 'api' ? 'package' : 'guide',
    summary: firstSentence(markdown),
    isName: false,
    html: renderMarkdown(markdown, { file, paths }),
    markdown: relinkFiles(markdown, { file, paths }),
  };
}

/** The path of the page for a Markdown file. A README becomes the index of its folder. */
function pageOf(file: string): string {
  return file.replace(/\.md$/, '').replace(/(^|\/)README$/, '$1index');
}

/** The first sentence of a text, for lists of pages. */
function firstSentence(markdown: string): string {
  const [, paragraph = ''] = /^# .+\n+(?:\[[^\n]*\n+)*([A-Z`][^\n]*(?:\n[^\n]+)*)/m.exec(markdown) ?? [];
  const text = paragraph
    .replaceAll('\n', ' ')
    .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    .replaceAll('**', '');
  return /^.*?[.:](?=\s|$)/.exec(text)?.[0].replace(/:$/, '.') ?? text;
}

interface Placed {
  readonly file: string;
  /** The Markdown files of the site. */
  readonly paths: ReadonlySet<string>;
}

/**
 * The address of a link, in the form for drafts. A link to the reference becomes an anchor; the page with this anchor
 * is determined later. Undefined for a link to a file of the repository that is not a page.
 */
function targetOf(href: string, { file, paths }: Placed, ending: 'html' | 'md'): string | undefined {
  if (/^(?:[a-z]+:|#)/.test(href)) return href;
  const [path = '', anchor] = href.split('#');
  const target = posix.join(posix.dirname(file), path);
  if (target.startsWith('reference/')) return `#${CONTRACT}${referenceAnchor(anchor ?? 'commands')}`;
  if (!paths.has(target)) return undefined;
  const page = posix.relative(posix.dirname(file), `${pageOf(target)}.${ending}`);
  return anchor === undefined ? page : `${page}#${anchor}`;
}

const TEXT_OF_LINK = /\[([^\]\n]+)\]\(([^)\s]+)\)/g;

function relinkFiles(markdown: string, placed: Placed): string {
  return markdown.replaceAll(TEXT_OF_LINK, (_all, text: string, href: string) => {
    const target = targetOf(href, placed, 'md');
    return target === undefined ? text : `[${text}](${target})`;
  });
}

/** The anchor of a heading, as GitHub makes it. */
function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}

/**
 * Converts the anchor of a link on GitHub to the anchor of the same place in the reference. GitHub's anchors are in lower case, such as
 * `#bck-2`.
 */
function referenceAnchor(anchor: string): string {
  return /^[a-z]{3}-\d+$/.test(anchor) ? anchor.toUpperCase() : anchor.replace(/^the-/, '');
}

function renderMarkdown(markdown: string, placed: Placed): string {
  const taken = new Map<string, number>();
  const marked = new Marked({
    gfm: true,
    renderer: {
      heading({ tokens, depth, text }) {
        const slug = slugOf(text.replaceAll(/[`*]|\]\([^)]*\)|\[/g, ''));
        const before = taken.get(slug) ?? 0;
        taken.set(slug, before + 1);
        const id = before === 0 ? slug : `${slug}-${before}`;
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }) {
        const text = this.parser.parseInline(tokens);
        const target = targetOf(href, placed, 'html');
        if (target === undefined) return text;
        return `<a href="${escape(target)}">${text}</a>`;
      },
      table(token) {
        const cells = (row: typeof token.header, tag: 'th' | 'td'): string =>
          row.map(({ tokens }) => `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`).join('');
        const rows = token.rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('\n');
        return `<div class="scroll" tabindex="0"><table class="text"><thead><tr>${cells(token.header, 'th')}</tr></thead>\n<tbody>${rows}</tbody></table></div>\n`;
      },
      code({ text, lang }) {
        return `<pre tabindex="0"${lang === undefined || lang === '' ? '' : ` data-lang="${escape(lang)}"`}><code>${escape(text)}</code></pre>\n`;
      },
    },
  });
  const html = marked.parse(markdown.replaceAll(/<!--[^]*?-->/g, ''), { async: false });
  // Some links of the API reference end in a number, such as `#position-1`, although the heading occurs only once on its
  // page. Remove the number.
  return html.replaceAll(/href="#([a-z0-9-]+)-\d+"/g, (all, slug: string) =>
    html.includes(` id="${slug}"`) && !html.includes(all.replace('href="#', ' id="')) ? `href="#${slug}"` : all,
  );
}
