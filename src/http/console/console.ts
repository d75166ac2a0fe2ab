/**
 * The console (OPS-4): a page that shows clients, nodes and live events. The page connects to the gateway that serves it, like any other
 * client, with the generated SDK.
 */
import { TidemarkError, createClient, isGap } from '../../../generated/client.ts';
import type { TidemarkClient } from '../../../generated/client.ts';
import { Charts } from './charts.ts';
import { clientsOf } from './clients.ts';
import type { ClientRow } from './clients.ts';
import { pointOf } from './cluster.ts';
import type { Moment } from './cluster.ts';
import { DisconnectDialog } from './disconnect-dialog.ts';
import { element, find } from './element.ts';
import { EventList } from './event-list.ts';
import { ExplainDialog } from './explain-dialog.ts';
import { GatewayApi } from './gateway-api.ts';
import { HotDirectories } from './hot-directories.ts';
import { Observer } from './observer.ts';
import type { Observation } from './observer.ts';
import { showPanels } from './panels.ts';
import type { Reports } from './panels.ts';
import { showSuggestions } from './suggestions.ts';

const path = document.body.dataset['path'] ?? 'ws';
const form = find('follow', HTMLFormElement);
const api = new GatewayApi({ path, headers: () => (token === '' ? {} : { authorization: `Bearer ${token}` }) });
const charts = new Charts();
const hot = new HotDirectories();
const disconnecting = new DisconnectDialog(api);
const explaining = new ExplainDialog({ api, clients: () => reports.clients });
const events = new EventList((event) => explaining.show(event));
const observer = new Observer({ api, onObservation: observe });
let reports: Reports = { clients: [], hot: {}, search: '' };
let client: TidemarkClient | undefined;
let token = '';

form.addEventListener('submit', (submitted) => {
  submitted.preventDefault();
  follow().catch(complain);
});
find('clear', HTMLButtonElement).addEventListener('click', () => {
  events.clear();
  hot.clear();
});
const pause = find('pause', HTMLButtonElement);
pause.addEventListener('click', () => {
  const paused = pause.getAttribute('aria-pressed') !== 'true';
  pause.setAttribute('aria-pressed', String(paused));
  events.hold(paused);
  observer.pause(paused);
});
find('search', HTMLInputElement).addEventListener('input', (typed) => {
  const { value } = typed.currentTarget as HTMLInputElement;
  draw({ ...reports, search: value.trim().toLowerCase() });
});
follow().catch(complain);
observer.run().catch(complain);
showSuggestions().catch(complain);

function observe({ at, health, all }: Observation): void {
  if ('refused' in all)
    return draw({ clients: [], hot: hot.counts(at), search: reports.search, health, refused: all.refused });
  const { page, nodes } = all;
  const before = reports.now;
  const now: Moment = { at, nodes };
  charts.add(pointOf(now, before));
  const earlier = before === undefined ? {} : { before: { at: before.at, clients: reports.clients } };
  const clients = clientsOf({ page, nodes, at, ...earlier });
  draw({ ...reports, health, page, now, before, clients, hot: hot.counts(at), refused: undefined });
}

function draw(next: Reports): void {
  reports = next;
  showPanels(reports, disconnect);
}

function disconnect(row: ClientRow): void {
  disconnecting.ask(row);
}

/** Subscribes as the form specifies, on a new connection. The previous connection is closed. */
async function follow(): Promise<void> {
  await client?.close();
  const given = new FormData(form);
  token = textOf(given, 'token');
  complain(undefined);
  events.clear();
  hot.clear();
  const mine = createClient({ url: new URL(path, location.href), ...(token === '' ? {} : { token }) });
  client = mine;
  showState(mine);
  const subscription = mine.subscribe({ ...requestOf(given), gaps: 'inline' });
  // If the subscription is refused, the loop below throws the reason.
  subscription.ready.then(showHints, () => undefined);
  for await (const item of subscription) {
    if (isGap(item)) events.addGap(item);
    else {
      events.addEvent(item);
      hot.add(item, Date.now());
    }
  }
}

/** Shows names that the gateway accepted although they are probably misspelt (SUB-7). */
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

/** Parses filter fields such as `changeTypes=create,modify; targets=web`. Any field of the contract can be given. */
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
