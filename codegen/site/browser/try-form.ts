/** The parts of the try-it form that operations of the WebSocket and of HTTP share. */
import { element } from './element.ts';
import { FrameLog } from './frame-log.ts';
import type { Samples } from './samples.ts';
import type { HttpTry, Tried } from './operations.ts';

/** The root of the site. Addresses of its files, and of the gateway that serves it, are resolved against this address. */
export const ROOT = new URL('../', import.meta.url);

export interface Credential {
  readonly token?: string;
  readonly apiKey?: string;
}

export interface TryForm {
  readonly message: HTMLTextAreaElement;
  readonly send: HTMLButtonElement;
  readonly status: HTMLElement;
  /** Shows the faults of the edited message. */
  readonly check: HTMLElement;
  readonly log: FrameLog;
  readonly buttons: HTMLElement;
  /** The entered credential. It is stored nowhere else. */
  readonly credential: () => Credential | undefined;
}

export function makeForm(section: HTMLElement, { examples }: Pick<Tried, 'examples'> | HttpTry): TryForm {
  const first = examples[0];
  const message = element('textarea', { id: 'try-message', spellcheck: 'false', autocomplete: 'off', rows: '12' });
  message.value = first === undefined ? '' : JSON.stringify(first.message, undefined, 2);
  const choice = element(
    'select',
    { id: 'try-example' },
    ...examples.map(({ summary }, at) => element('option', { value: String(at) }, summary)),
  );
  choice.addEventListener('change', () => {
    message.value = JSON.stringify(examples[Number(choice.value)]?.message, undefined, 2);
    message.dispatchEvent(new Event('input'));
  });
  const secret = element('input', {
    id: 'try-credential',
    type: 'password',
    autocomplete: 'off',
    placeholder: 'only if the gateway requires one; not stored',
  });
  const send = element('button', { type: 'submit' }, 'Send');
  const status = element('p', { class: 'state', role: 'status' });
  const check = element('div', { class: 'check', 'aria-live': 'polite' });
  const buttons = element('div', { class: 'buttons' }, send);
  const frames = element('ol', { class: 'frames', 'aria-label': 'Frames', tabindex: '0' });
  const log = new FrameLog(frames);
  const clear = element('button', { type: 'button' }, 'Clear');
  clear.addEventListener('click', () => log.clear());
  buttons.append(clear);
  const form = element(
    'form',
    {},
    ...(examples.length > 1 ? [labelled('try-example', 'Example', choice)] : []),
    ...(first === undefined ? [] : [labelled('try-message', 'Message   (Ctrl + Enter sends it)', message)]),
    check,
    labelled('try-credential', 'Token or API key', secret),
    buttons,
    status,
    frames,
  );
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  section.append(element('h2', { id: 'try-it' }, 'Try it'), form);
  return { message, send, status, check, log, buttons, credential: () => credentialOf(secret.value.trim()) };
}

function labelled(id: string, text: string, field: HTMLElement): HTMLElement {
  return element('div', { class: 'field' }, element('label', { for: id }, text), field);
}

/** A text with three parts is a signed token (RFC 7519); any other text is an API key. */
function credentialOf(text: string): Credential | undefined {
  if (text === '') return undefined;
  return /^[^.]+\.[^.]+\.[^.]*$/.test(text) ? { token: text } : { apiKey: text };
}

const NAMES = { cli: 'CLI', typescript: 'TypeScript', python: 'Python', tape: 'tape' } as const;

/** Adds buttons that copy a program that sends the edited message, or a tape. */
export function addCopies(form: TryForm, textsOf: () => Partial<Samples> & { readonly tape?: string }): void {
  const available = textsOf();
  for (const [key, name] of Object.entries(NAMES) as (readonly [keyof typeof NAMES, string])[]) {
    if (available[key] === undefined) continue;
    const button = element('button', { type: 'button' }, `Copy as ${name}`);
    button.addEventListener('click', () => {
      navigator.clipboard.writeText(textsOf()[key] ?? '').then(
        () => (form.status.textContent = `Copied as ${name}.`),
        () =>
          (form.status.textContent =
            'The browser does not allow this page to copy. Open the page over HTTPS, or at a localhost address.'),
      );
    });
    form.buttons.append(button);
  }
}
