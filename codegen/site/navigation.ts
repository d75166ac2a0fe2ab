/** The navigation of every page: one list with all sections. The section of the current page and the section `Start` are expanded. */
import { escape } from '../emit/reference/markup.ts';
import { SECTIONS } from './draft.ts';
import type { Draft } from './draft.ts';
import { relativeTo } from './links.ts';

/** Whether a page is the overview of its section. Such pages come first in the section. */
function isOverview({ kind, path }: Draft): boolean {
  return (
    kind === 'overview' || path === 'index' || path.endsWith('/index') || path === 'errors' || path === 'close-codes'
  );
}

export function inOrder(drafts: readonly Draft[]): readonly Draft[] {
  return SECTIONS.flatMap((section) => {
    const own = drafts.filter((draft) => draft.section === section);
    return [...own.filter(isOverview), ...own.filter((draft) => !isOverview(draft))];
  });
}

/** @param from path of the page, or empty for the page at `/docs` itself */
export function navigationHtml(drafts: readonly Draft[], current: Draft, from: string): string {
  const sections = SECTIONS.map((section) => ({ section, pages: drafts.filter((draft) => draft.section === section) }));
  return sections
    .filter(({ pages }) => pages.length > 0)
    .map(({ section, pages }) => {
      const items = pages.map((page) => {
        const text = isOverview(page) && page.kind !== 'guide' ? 'Overview' : page.title;
        const label = page.isName ? `<code>${escape(text)}</code>` : escape(text);
        return `<li><a href="${escape(relativeTo(from, `${page.path}.html`))}"${page === current ? ' aria-current="page"' : ''}>${label}</a></li>`;
      });
      const open = section === current.section || section === 'Start' ? ' open' : '';
      return `<details${open}><summary>${section}</summary>\n<ul>\n${items.join('\n')}\n</ul></details>`;
    })
    .join('\n');
}
