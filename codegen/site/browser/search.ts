/** The search of every page. The index is loaded when the reader first uses the search. */
import MiniSearch from 'minisearch';
import type { SearchResult } from 'minisearch';
import { element } from './element.ts';
import { OPTIONS, tokenize } from './search-terms.ts';
import type { Entry } from './search-terms.ts';

const MOST_RESULTS = 40;
const ROOT = new URL('../', import.meta.url);

type Index = MiniSearch<Entry>;

let index: Promise<Index> | undefined;

function loadIndex(): Promise<Index> {
  index ??= fetch(new URL('search.json', ROOT))
    .then((response) => response.text())
    .then((text) => MiniSearch.loadJSON<Entry>(text, OPTIONS));
  return index;
}

/**
 * Finds the items that contain every word; if there are none, the items that contain any word. An item whose name
 * equals the query always comes first.
 */
function find(all: Index, query: string): readonly SearchResult[] {
  const every = all.search(query, { combineWith: 'AND' });
  const found = every.length > 0 ? every : all.search(query);
  const wanted = query.trim().toLowerCase();
  const isExact = ({ title }: SearchResult): boolean => {
    const name = String(title).toLowerCase();
    return name === wanted || name.endsWith(`.${wanted}`) || name.startsWith(`${wanted} `);
  };
  // If several names equal the query, fields come after pages, events and errors.
  const rank = (each: SearchResult): number => (isExact(each) ? (each['kind'] === 'field' ? 1 : 0) : 2);
  return found.toSorted((a, b) => rank(a) - rank(b));
}

/** The text with the words of the query marked. */
function marked(text: string, query: string): readonly (Node | string)[] {
  const words = tokenize(query).filter((word) => word.length > 1);
  if (words.length === 0) return [text];
  const pattern = new RegExp(
    `(${words.map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`,
    'gi',
  );
  return text.split(pattern).map((part, at) => (at % 2 === 1 ? element('mark', {}, part) : part));
}

function itemOf({ title, kind, address, excerpt }: SearchResult, query: string): HTMLLIElement {
  const heading = element(
    'div',
    {},
    element('b', {}, ...marked(String(title), query)),
    element('small', {}, String(kind)),
  );
  const link = element(
    'a',
    { href: new URL(String(address), ROOT).href },
    heading,
    element('span', {}, ...marked(String(excerpt), query)),
  );
  return element('li', {}, link);
}

export function addSearch(holder: HTMLElement): void {
  const input = element('input', {
    type: 'search',
    placeholder: 'Search   ( / )',
    'aria-label': 'Search the documentation',
    autocomplete: 'off',
  });
  const list = element('ol', { 'aria-label': 'Results' });
  const count = element('p', { role: 'status' });
  const found = element('div', { class: 'found' }, count, list);
  found.hidden = true;
  holder.setAttribute('role', 'search');
  holder.append(input, found);

  const show = async (): Promise<void> => {
    const query = input.value;
    if (query.trim() === '') {
      found.hidden = true;
      return;
    }
    const all = await loadIndex();
    if (input.value !== query) return;
    const results = find(all, query);
    list.replaceChildren(...results.slice(0, MOST_RESULTS).map((each) => itemOf(each, query)));
    list.dataset['query'] = query;
    count.textContent =
      results.length > MOST_RESULTS
        ? `${results.length} found, the first ${MOST_RESULTS} are shown`
        : `${results.length} found`;
    found.hidden = false;
  };
  const showOrReport = (): void => {
    show().catch(() => {
      count.textContent = 'The search index could not be loaded. Reload the page.';
      found.hidden = false;
    });
  };
  const close = (): void => {
    found.hidden = true;
  };
  input.addEventListener('focus', () => void loadIndex().catch(() => (index = undefined)));
  input.addEventListener('input', showOrReport);
  holder.addEventListener('keydown', (event) => onKey(event, { input, list, close, show }));
  holder.addEventListener('focusout', (event) => {
    if (!(event.relatedTarget instanceof Node && holder.contains(event.relatedTarget))) close();
  });
  list.addEventListener('click', close);
  // Keep the focus on the search box while the mouse button is pressed, so that the list stays open until the click.
  found.addEventListener('mousedown', (event) => event.preventDefault());
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLElement && /^(?:INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key !== '/' || isTyping) return;
    event.preventDefault();
    input.focus();
  });
}

interface Box {
  readonly input: HTMLInputElement;
  readonly list: HTMLOListElement;
  readonly close: () => void;
  readonly show: () => Promise<void>;
}

/** Handles keys: arrow keys move among the results, Enter opens the first result, Escape closes the list. */
function onKey(event: KeyboardEvent, { input, list, close, show }: Box): void {
  const links = [...list.querySelectorAll('a')];
  const at = links.findIndex((link) => link === document.activeElement);
  if (event.key === 'Escape') {
    close();
    input.focus();
  } else if (event.key === 'Enter' && event.target === input)
    // The list may still show the results of an earlier text.
    void show().then(() => list.querySelector('a')?.click());
  else if (event.key === 'ArrowDown') links[Math.min(links.length - 1, at + 1)]?.focus();
  else if (event.key === 'ArrowUp') (at > 0 ? links[at - 1] : input)?.focus();
  else return;
  event.preventDefault();
}
