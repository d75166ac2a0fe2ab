/** The live inspector (OPS-4): a client like any other, with the generated SDK, on the gateway's own origin. */
import { TidemarkError, createClient, isGap } from '../../../generated/client.ts';
import type { TidemarkClient } from '../../../generated/client.ts';
import { element, find } from './element.ts';
import { EventList } from './event-list.ts';
import { Overview } from './overview.ts';
import { showSuggestions } from './suggestions.ts';

const path = document.body.dataset['path'] ?? 'ws';
const form = find('follow', HTMLFormElement);
const events = new EventList();
let client: TidemarkClient | undefined;
let token = '';

new Overview({ path, headers: () => (token === '' ? {} : { authorization: `Bearer ${token}` }) }).run().catch(complain);
form.addEventListener('submit', (submitted) => {
  submitted.preventDefault();
  follow().catch(complain);
});
find('clear', HTMLButtonElement).addEventListener('click', () => events.clear());
const hold = find('hold', HTMLButtonElement);
hold.addEventListener('click', () => {
  const held = hold.getAttribute('aria-pressed') !== 'true';
  hold.setAttribute('aria-pressed', String(held));
  events.hold(held);
});
follow().catch(complain);
showSuggestions().catch(complain);

/** Subscribes as the form says, on a new connection; the previous connection ends. */
async function follow(): Promise<void> {
  await client?.close();
  const given = new FormData(form);
  token = textOf(given, 'token');
  complain(undefined);
  events.clear();
  const mine = createClient({ url: new URL(path, location.href), ...(token === '' ? {} : { token }) });
  client = mine;
  showState(mine);
  const subscription = mine.subscribe({ ...requestOf(given), gaps: 'inline' });
  // A subscription that is refused ends the loop below with the reason.
  subscription.ready.then(showHints, () => undefined);
  for await (const item of subscription) {
    if (isGap(item)) events.addGap(item);
    else events.addEvent(item);
  }
}

/** Shows the names that the gateway accepted, but that are probably misspelt (SUB-7). */
function showHints({ hints = [] }: { readonly hints?: readonly { readonly message: string }[] }): void {
  if (hints.length > 0) complain(new Error(hints.map(({ message }) => message).join(' ')));
}

function showState(mine: TidemarkClient): void {
  const state = find('state', HTMLParagraphElement);
  const show = (): void => {
    if (client !== mine) return;
    state.textContent = mine.state;
    state.dataset['state'] = mine.state;
  };
  for (const moment of ['connecting', 'ready', 'closed', 'reconnecting'] as const) mine.on(moment, show);
  mine.on('error', complain);
  show();
}

function requestOf(given: FormData) {
  const lists = { ...fieldsOf(given), paths: listOf(given, 'paths'), extensions: listOf(given, 'extensions') };
  const filter = Object.fromEntries(Object.entries(lists).filter(([, values]) => values.length > 0));
  const wanted = listOf(given, 'events');
  return {
    stream: textOf(given, 'stream') || 'main',
    events: wanted.length === 0 ? ['*'] : wanted,
    ...(Object.keys(filter).length === 0 ? {} : { filter }),
  };
}

/** `changeTypes=create,modify; targets=web`: any fields of the contract. */
function fieldsOf(given: FormData): Record<string, string[]> {
  const parts = textOf(given, 'filter')
    .split(';')
    .filter((part) => part.trim() !== '');
  return Object.fromEntries(
    parts.map((part) => {
      const [, field, values] = /^\s*(\w+)\s*=\s*(.+)$/.exec(part) ?? [];
      if (field === undefined || values === undefined)
        throw new Error(`${part.trim()} is not a filter: write field=value,value and separate fields with ";".`);
      return [field, values.split(',').map((value) => value.trim())];
    }),
  );
}

function textOf(given: FormData, name: string): string {
  const value = given.get(name);
  return typeof value === 'string' ? value.trim() : '';
}

function listOf(given: FormData, name: string): string[] {
  return textOf(given, name)
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

function textOfError(error: unknown): string {
  if (error instanceof TidemarkError && error.code === 'unauthenticated')
    return token === ''
      ? 'This gateway requires a credential: enter a token in the field Token, then press Follow.'
      : 'The token is invalid, expired or revoked: enter another token in the field Token, then press Follow.';
  return error instanceof Error ? error.message : 'The console failed.';
}

function complain(error: unknown): void {
  const text = textOfError(error);
  const complaint = find('complaint', HTMLParagraphElement);
  complaint.hidden = error === undefined;
  complaint.replaceChildren(element('span', {}, text));
}
