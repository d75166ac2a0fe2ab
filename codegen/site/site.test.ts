import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkContract } from '../contract.ts';
import { readSource } from '../files.ts';
import { openContract } from '../own-events/open.ts';
import { addressesOf } from './links.ts';
import { ENTRY, buildSite, draftsOf } from './site.ts';
import type { Site } from './site.ts';
import { readSources } from './sources.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const contract = checkContract(await readSource(resolve(ROOT, 'asyncapi.yaml')));
const sources = readSources();
const site = buildSite(contract, sources);
const own = buildSite((await openContract(resolve(ROOT, 'examples/own-events/acme.yaml'))).contract, sources);

const pagesOf = (files: Site): readonly string[] => [...files.keys()].filter((path) => path.endsWith('.html'));
const idsOf = (html: string): readonly string[] => [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id ?? '');
const text = (path: string, files = site): string => files.get(path) ?? '';

/** The links of a page or a Markdown file that lead to a file or an anchor that does not exist. */
function brokenLinks(files: Site, path: string): readonly string[] {
  const html = text(path, files);
  const links = path.endsWith('.md') ? /\]\(([^)\s]+)\)/g : /(?:href|src)="([^"]+)"/g;
  const base = path === ENTRY ? 'http://site/docs' : `http://site/docs/${path}`;
  return [...html.replaceAll(/```[^]*?```|`[^`\n]*`/g, (code) => (path.endsWith('.md') ? '' : code)).matchAll(links)]
    .map(([, href = '']) => href)
    .filter((href) => !/^(?:https?|data|mailto):/.test(href))
    .filter((href) => {
      const { pathname, hash } = new URL(href, base);
      const target = pathname === '/docs' ? ENTRY : pathname.replace(/^\/docs\//, '');
      const found = files.get(target === '' ? 'index.html' : target);
      if (found === undefined) return true;
      const anchor = decodeURIComponent(hash.slice(1));
      return anchor !== '' && target.endsWith('.html') && !idsOf(found).includes(anchor);
    });
}

describe('the site', () => {
  test('has a page for each operation, event, error and close code, with its Markdown', () => {
    const paths = [
      ...contract.commands.map(({ name }) => `commands/${name}`),
      ...contract.pushes.map(({ name }) => `pushes/${name}`),
      ...[...contract.events, contract.customEvent].map(({ message }) => `events/${message}`),
      ...contract.http.map(({ name }) => `http/${name}`),
      ...Object.keys(contract.errors).map((name) => `errors/${name}`),
      ...Object.keys(contract.closeCodes).map((code) => `close-codes/${code}`),
    ];
    expect(paths.length).toBeGreaterThan(60);
    expect(paths.flatMap((path) => [`${path}.html`, `${path}.md`]).filter((path) => !site.has(path))).toEqual([]);
  });

  test('explains what to do for each error and close code', () => {
    for (const [name, { advice }] of Object.entries(contract.errors)) {
      expect([name, advice]).toEqual([name, expect.stringMatching(/\.$/)]);
      expect(text(`errors/${name}.md`)).toContain(advice);
    }
    for (const [code, { advice }] of Object.entries(contract.closeCodes)) {
      expect([code, advice]).toEqual([code, expect.stringMatching(/\.$/)]);
      expect(text(`close-codes/${code}.md`)).toContain(advice);
    }
  });

  test("has no broken link, also in the Markdown and for a team's own events", () => {
    for (const files of [site, own]) {
      const broken = [...files.keys()]
        .filter((path) => path === ENTRY || /\.(?:html|md|txt)$/.test(path))
        .flatMap((path) => brokenLinks(files, path).map((href) => `${path} → ${href}`));
      expect(broken).toEqual([]);
    }
  });

  test('uses no anchor twice on a page', () => {
    for (const path of pagesOf(site)) {
      const ids = idsOf(text(path));
      expect([path, ...ids.filter((id, index) => ids.indexOf(id) !== index)]).toEqual([path]);
    }
  });

  test('links each clause with its tapes, and each tape with its clauses', () => {
    const clauses = text('clauses.html');
    for (const { id, clauses: cited } of sources.tapes) {
      const [folder = ''] = id.split('/');
      for (const clause of cited) {
        const item = new RegExp(`<div id="${clause}">.*?</div>`, 's').exec(clauses)?.[0] ?? '';
        expect(item).toContain(`href="tapes/${folder}.html#${id}"`);
        expect(text(`tapes/${folder}.html`)).toContain(`href="../clauses.html#${clause}"`);
      }
    }
  });

  test('lists for a close code only tapes that close with it', () => {
    // Its payload has the number 4000, but no connection is closed.
    expect(text('close-codes/4000.md')).toContain('## Tapes');
    expect(text('close-codes/4000.md')).not.toContain('broadcast/control-names');
  });

  test('keeps an anchor for everything that the one-page reference had', () => {
    const addresses = addressesOf(draftsOf(contract, sources));
    const before = idsOf(text('all.html')).filter((id) => !['bar', 'contents', 'reading'].includes(id));
    expect(before.length).toBeGreaterThan(500);
    const index = idsOf(text(ENTRY));
    expect(before.filter((id) => !addresses.has(id))).toEqual([]);
    // The start page must have an entry for each name. For a field, the entry of its message is sufficient.
    expect(before.filter((id) => !index.includes(id) && !index.includes(id.split('.')[0] ?? ''))).toEqual([]);
  });

  test('has the guides, explanations, decisions and the glossary in the same navigation', () => {
    const html = text('commands/subscribe.html');
    for (const path of Object.keys(sources.guides))
      expect(html).toContain(`href="../${path.replace(/README\.md$/, 'index.md').replace(/md$/, 'html')}"`);
    expect(html).toContain('aria-current="page"><code>subscribe</code>');
  });

  test('lists every page in llms.txt', () => {
    const listed = [...text('llms.txt').matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path);
    const pages = pagesOf(site).filter((path) => path !== ENTRY && path !== 'all.html');
    expect(pages.map((path) => path.replace(/html$/, 'md')).filter((path) => !listed.includes(path))).toEqual([]);
  });

  test('runs no inline script or style and loads nothing from other addresses', () => {
    const forbidden = /<style|<script(?! type="module" src="[./a-z]+")|\sstyle="|\son[a-z]+="|src="https?:/;
    const pages = pagesOf(site).filter((path) => path !== 'all.html');
    expect(pages.filter((path) => forbidden.test(text(path)))).toEqual([]);
  });

  test("describes a team's own events like stock events", () => {
    expect(text('events/build_finished.html', own)).toContain('A build ended.');
    expect(text('events/build_finished.md', own)).toContain('targets');
    expect(text('index.html', own)).toContain('With the events of Acme events');
    expect(text('commands/subscribe.html', own)).toContain('../events/build_finished.html');
  });
});
