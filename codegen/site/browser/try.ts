/** The script of pages of operations: makes the try-it form if a gateway serves the page. */
import { element } from './element.ts';
import type { Operations, Validators } from './operations.ts';
import { ROOT } from './try-form.ts';
import { tryOverHttp } from './try-http.ts';
import { tryOnSocket } from './try-socket.ts';

async function readJson<Value>(name: string): Promise<Value> {
  const response = await fetch(new URL(name, ROOT));
  if (!response.ok) throw new Error(`${name} could not be loaded (status ${response.status}).`);
  return (await response.json()) as Value;
}

async function makeTry(section: HTMLElement, name: string): Promise<void> {
  const { webSocket } = await readJson<{ readonly webSocket: string | null }>('gateway.json');
  // Without a gateway, for example on a web host, there is no form.
  if (webSocket === null) return;
  const operations = await readJson<Operations>('assets/operations.json');
  const validators = (await import(new URL('assets/validators.js', ROOT).href)) as Validators;
  const operation = operations.http[name];
  const tried = operations.webSocket[name];
  if (operation !== undefined) tryOverHttp(section, { operation, operations, validators, webSocket });
  else if (tried !== undefined) tryOnSocket(section, { tried, operations, validators, webSocket });
  section.hidden = false;
  // Add a link to the form, because the form is at the end of a page that may be long.
  document.querySelector('.crumb')?.append(' · ', element('a', { href: '#try' }, 'Try it'));
}

const section = document.getElementById('try');
const name = section?.dataset['operation'];
if (section !== null && name !== undefined) void makeTry(section, name);
