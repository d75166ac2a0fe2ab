/**
 * The script of every page. The pages are complete without it. It adds the search and the copy buttons, and redirects
 * old links.
 */
import { element } from './element.ts';
import { addSearch } from './search.ts';

/** Decodes a text. If it is not a valid encoding, such as `%`, it is returned unchanged. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Links to the former one-page reference, such as `/docs#subscribe.data.filter`, lead to the page that now has the anchor. */
function followOldAnchor(): void {
  const anchor = decoded(location.hash.slice(1));
  if (document.body.dataset['page'] !== 'index' || anchor === '') return;
  const [name = ''] = anchor.split('.');
  const link = [anchor, name]
    .map((each) => document.getElementById(each)?.querySelector('a'))
    .find((each) => each?.closest('.index'));
  if (link === undefined || link === null) return;
  const target = new URL(link.href);
  target.hash = anchor;
  location.replace(target);
}

async function copy(text: string, button: HTMLButtonElement): Promise<void> {
  // Without HTTPS the browser may not offer access to the clipboard.
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Select and copy';
  }
  button.dataset['done'] = '';
  setTimeout(() => {
    button.textContent = 'Copy';
    delete button.dataset['done'];
  }, 2000);
}

function addCopyButtons(): void {
  for (const block of document.querySelectorAll('main pre')) {
    const button = element('button', { type: 'button', class: 'copy' }, 'Copy');
    button.addEventListener('click', () => void copy(block.textContent, button));
    const holder = element('div', { class: 'block' });
    block.replaceWith(holder);
    holder.append(block, button);
  }
}

/** Scrolls the navigation to the current page, which may be far down. */
function showCurrent(): void {
  const current = document.querySelector('nav [aria-current]');
  const nav = document.getElementById('contents');
  if (!(current instanceof HTMLElement) || nav === null) return;
  nav.scrollTop = Math.max(0, current.offsetTop - nav.clientHeight / 2);
}

followOldAnchor();
window.addEventListener('hashchange', followOldAnchor);
addCopyButtons();
showCurrent();
const holder = document.getElementById('search');
if (holder !== null) addSearch(holder);
