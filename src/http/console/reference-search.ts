/**
 * The search of the reference at `/docs`. Every item of the page has an anchor, so the page itself is the index. This script creates the
 * search box; without JavaScript there is no search box, but the page is complete.
 */
import { element } from './element.ts';

interface Entry {
  readonly id: string;
  readonly title: string;
  readonly kind: string;
  readonly text: string;
  /** Title, address and text in lower case. */
  readonly haystack: string;
}

const MOST_RESULTS = 30;
/** The most characters of its text that a result shows. */
const EXCERPT = 160;

const STYLE = `
.find { margin-bottom: 1.8rem; }
.find input { width: 100%; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 0.5rem 0.8rem; }
.find ol { list-style: none; margin: 0.4rem 0 0; padding: 0; max-height: 60vh; overflow-y: auto; border: 1px solid var(--line);
  border-radius: 8px; background: var(--ground); }
.find ol:empty, .find p:empty { display: none; }
.find a { display: block; padding: 0.45rem 0.8rem; color: inherit; border-bottom: 1px solid var(--line); }
.find a:hover, .find a:focus { background: var(--card); text-decoration: none; }
.find li:last-child a { border-bottom: 0; }
.find b { font-family: var(--mono); font-size: 0.9em; overflow-wrap: anywhere; }
.find small { color: var(--faint); margin-left: 0.5rem; }
.find span { display: block; color: var(--faint); font-size: 0.88rem; }
.find p { margin: 0.4rem 0 0; color: var(--faint); font-size: 0.88rem; }
@media print { .find { display: none; } }`;

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^error-/, 'error'],
  [/^close-/, 'close code'],
  [/^limit-/, 'limit'],
  [/^[A-Z]+-\d+$/, 'clause'],
  [/\./, 'field'],
];

function textOf(node: Element | null | undefined): string {
  return (node?.textContent ?? '').replaceAll(/\s+/g, ' ').trim();
}

/** The elements after a heading, up to the next item. */
function textBelow(heading: Element): string {
  const texts: string[] = [];
  for (let next = heading.nextElementSibling; next?.matches('p, div.facts') === true; next = next.nextElementSibling)
    texts.push(textOf(next));
  return texts.join(' ');
}

function entryOf(item: Element): Entry {
  const { id } = item;
  const isHeading = /^H\d$/.test(item.tagName);
  // Without the badge that shows the kind of a topic.
  const name = isHeading ? (item.querySelector('a') ?? item) : item.querySelector('th, dt');
  const text = isHeading
    ? textBelow(item)
    : [...item.querySelectorAll(':scope > td, :scope > dd')].map(textOf).join(' ');
  const kind = KINDS.find(([pattern]) => pattern.test(id))?.[1] ?? 'section';
  // A field is known by its whole path, not by its last name alone.
  const title = kind === 'field' ? id : textOf(name);
  return { id, title, kind, text, haystack: `${title} ${id} ${text}`.toLowerCase() };
}

/** The rank of a result, best first: the words are the whole title, start the title, are in the title, or are only in the text. */
function rankOf({ title, id }: Entry, words: string): number {
  const [name, address] = [title.toLowerCase(), id.toLowerCase()];
  if (name === words || address === words || address.endsWith(`.${words}`)) return 0;
  if (name.startsWith(words)) return 1;
  return name.includes(words) ? 2 : 3;
}

function search(entries: readonly Entry[], query: string): Entry[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return [];
  const phrase = words.join(' ');
  return entries
    .filter(({ haystack }) => words.every((word) => haystack.includes(word)))
    .toSorted((a, b) => rankOf(a, phrase) - rankOf(b, phrase));
}

function resultOf({ id, title, kind, text }: Entry): HTMLLIElement {
  const excerpt = text.length > EXCERPT ? `${text.slice(0, EXCERPT)}…` : text;
  const link = element('a', {}, element('b', {}, title), element('small', {}, kind), element('span', {}, excerpt));
  link.href = `#${id}`;
  return element('li', {}, link);
}

function addSearch(main: HTMLElement): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const entries = [...main.querySelectorAll('[id]')].map(entryOf);
  const input = element('input', {});
  Object.assign(input, { type: 'search', placeholder: 'Search: a field, an error, a word   ( / )' });
  input.setAttribute('aria-label', 'Search the reference');
  const list = element('ol', {});
  list.setAttribute('aria-label', 'Results');
  const count = element('p', {});
  count.setAttribute('role', 'status');
  const show = (): void => {
    const found = search(entries, input.value);
    list.replaceChildren(...found.slice(0, MOST_RESULTS).map(resultOf));
    const more = found.length > MOST_RESULTS ? `, the first ${MOST_RESULTS} are shown` : '';
    count.textContent = input.value.trim() === '' ? '' : `${found.length} found${more}`;
  };
  const clear = (): void => {
    input.value = '';
    show();
  };
  const box = element('div', { class: 'find' }, input, count, list);
  box.setAttribute('role', 'search');
  input.addEventListener('input', show);
  list.addEventListener('click', clear);
  box.addEventListener('keydown', (event) => onKey(event, { input, list, clear }));
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    input.focus();
  });
  main.prepend(box);
}

interface Box {
  readonly input: HTMLInputElement;
  readonly list: HTMLOListElement;
  readonly clear: () => void;
}

/** Arrows move among the results, Enter opens the first, Escape clears. */
function onKey(event: KeyboardEvent, { input, list, clear }: Box): void {
  const links = [...list.querySelectorAll('a')];
  const at = links.findIndex((link) => link === document.activeElement);
  if (event.key === 'Escape') clear();
  else if (event.key === 'Enter' && event.target === input) links[0]?.click();
  else if (event.key === 'ArrowDown') links[Math.min(links.length - 1, at + 1)]?.focus();
  else if (event.key === 'ArrowUp') (at > 0 ? links[at - 1] : input)?.focus();
  else return;
  event.preventDefault();
}

const main = document.querySelector('main');
if (main !== null) addSearch(main);
