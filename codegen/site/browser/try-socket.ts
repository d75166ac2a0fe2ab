/** The try-it form of commands, pushes and events: one WebSocket to the gateway that serves the page. */
import { element } from './element.ts';
import { explainReceived, explainSent, isObject } from './explain-frame.ts';
import type { Checks } from './explain-frame.ts';
import { GatewayLink } from './gateway-link.ts';
import type { LinkState } from './gateway-link.ts';
import type { LoggedFrame } from './frame-log.ts';
import type { Tried } from './operations.ts';
import { commandSamples, tapeOf } from './samples.ts';
import type { Message } from './samples.ts';
import { ROOT, addCopies, makeForm } from './try-form.ts';
import type { TryForm } from './try-form.ts';

export interface SocketTry extends Checks {
  readonly tried: Tried;
  /** Path of the WebSocket, relative to the directory above the site. */
  readonly webSocket: string;
}

export function tryOnSocket(section: HTMLElement, { tried, webSocket, ...checks }: SocketTry): void {
  const { operations } = checks;
  const form = makeForm(section, tried);
  const url = new URL(`../${webSocket}`, ROOT);
  const http = new URL('..', ROOT).href.replace(/\/$/, '');
  url.protocol = url.protocol.replace('http', 'ws');
  const received: Message[] = [];
  /** The frame to send when the connection is open. */
  let waiting: string | undefined;

  const link = new GatewayLink({
    url: url.href,
    operations,
    greeting: () => {
      const credential = form.credential();
      return credential === undefined
        ? undefined
        : JSON.stringify({ type: 'authenticate', id: 'authenticate', data: credential });
    },
    onState: (state) => {
      form.status.dataset['state'] = state.name;
      form.status.replaceChildren(...textOf(state, checks));
      toggle.textContent = state.name === 'off' || state.name === 'refused' ? 'Connect' : 'Disconnect';
      if (state.name !== 'open' || waiting === undefined) return;
      const text = waiting;
      waiting = undefined;
      // Send in a later microtask, because the link sends the greeting only after this call.
      queueMicrotask(() => link.send(text));
    },
    onFrame: (direction, text) => {
      if (direction === 'received') received.push(...parsed(text));
      form.log.add(direction === 'sent' ? sentFrame(text, checks) : receivedFrame(text, checks));
    },
  });
  const toggle = element('button', { type: 'button' }, 'Connect');
  toggle.addEventListener('click', () => (toggle.textContent === 'Connect' ? link.connect() : link.disconnect()));
  form.send.after(toggle);
  form.status.textContent = `Not connected. The button Send connects to ${url.href}.`;

  form.message.addEventListener('input', () => showFaults(form, checks));
  form.send.form?.addEventListener('submit', () => {
    // An invalid frame is sent too, so that the reply shows how the gateway reports it.
    const text = compact(form.message.value);
    if (link.isOpen) link.send(text);
    else {
      waiting = text;
      link.connect();
    }
  });
  addCopies(form, () => {
    const [message] = parsed(form.message.value);
    const valid = message ?? {};
    const server = { webSocket: url.href, http, subprotocol: operations.subprotocol };
    return { ...commandSamples(valid, undefined, server), tape: tapeOf(valid, received, tried.clauses) };
  });
}

/** Shows what is wrong with the edited message, and how to correct it. */
function showFaults(form: TryForm, checks: Checks): void {
  const { faults } = explainSent(form.message.value, checks);
  form.check.replaceChildren(
    ...faults.map(({ pointer, rule, correction }) =>
      element(
        'p',
        { class: 'fault' },
        element('code', {}, pointer === '' ? 'the message' : pointer),
        ` ${rule}. `,
        element('strong', {}, correction),
      ),
    ),
  );
}

/** The message on one line, as it is sent. Text that is not JSON is unchanged. */
function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

function parsed(text: string): readonly Message[] {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? [value] : [];
  } catch {
    return [];
  }
}

/** The log entry of a sent frame, without the credential. */
function sentFrame(text: string, checks: Checks): LoggedFrame {
  const { name, faults } = explainSent(text, checks);
  const shown = name === 'authenticate' ? text.replaceAll(/("(?:token|apiKey)":)"[^"]*"/g, '$1"…"') : text;
  return { direction: 'sent', name, text: shown, faults };
}

function receivedFrame(text: string, checks: Checks): LoggedFrame {
  const [message] = parsed(text);
  const { name, faults } = explainReceived(message, checks);
  const data = isObject(message?.['data']) ? message['data'] : {};
  const frame = { direction: 'received', name, text, faults } as const;
  const { code } = data;
  if (message?.type === 'error' && typeof code === 'string') {
    const pointer = typeof data['pointer'] === 'string' ? `At ${data['pointer']}: ` : '';
    const advice = checks.operations.errors[code] ?? '';
    return {
      ...frame,
      name: `error ${code}`,
      advice: { text: `${pointer}${advice.replaceAll('`', '')}`, address: pageOf(`errors/${code}`), title: code },
    };
  }
  return frame;
}

function pageOf(path: string): string {
  return new URL(`${path}.html`, ROOT).href;
}

function textOf(state: LinkState, { operations }: Checks): readonly (Node | string)[] {
  if (state.name === 'off') return ['Not connected.'];
  if (state.name === 'connecting') return ['Connecting…'];
  if (state.name === 'open') return ['Connected.'];
  const next =
    state.name === 'refused' ? 'Not reconnecting.' : `Reconnecting in ${(state.delayMs / 1000).toFixed(1)} s.`;
  return [...closeText(state.code, operations), ` ${next}`];
}

/** Describes a close code. 1006 means that there was no close frame (RFC 6455, 7.1.5). */
function closeText(code: number, { closeCodes }: Checks['operations']): readonly (Node | string)[] {
  const known = closeCodes[code];
  if (known === undefined)
    return [code === 1006 ? 'The connection could not be opened, or was lost.' : `Closed with ${code}.`];
  return ['Closed with ', element('a', { href: pageOf(`close-codes/${code}`) }, `${code} ${known.name}`), '.'];
}
