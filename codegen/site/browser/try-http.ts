/** The try-it form of HTTP operations. */
import { element } from './element.ts';
import { explainBody, isObject } from './explain-frame.ts';
import type { Checks, Fault } from './explain-frame.ts';
import type { HttpTry } from './operations.ts';
import { httpSamples } from './samples.ts';
import type { HttpCall } from './samples.ts';
import { ROOT, addCopies, makeForm } from './try-form.ts';
import type { TryForm } from './try-form.ts';

export interface HttpTrying extends Checks {
  readonly operation: HttpTry;
  /** Path of the WebSocket, relative to the directory above the site. */
  readonly webSocket: string;
}

export function tryOverHttp(section: HTMLElement, { operation, webSocket, ...checks }: HttpTrying): void {
  const { method, path, query } = operation;
  const form = makeForm(section, operation);
  const { operations } = checks;
  // The gateway may serve its WebSocket on a path that differs from the path in the contract. Operations below the
  // WebSocket's path then have another path too.
  const below = path.startsWith(`${operations.path}/`) ? `/${webSocket}${path.slice(operations.path.length)}` : path;
  const base = new URL('..', ROOT).href.replace(/\/$/, '');
  const fields = query.map(({ name, description }) => {
    const id = `try-query-${name}`;
    return {
      name,
      field: element('input', { id, autocomplete: 'off', spellcheck: 'false', title: description.replaceAll('`', '') }),
      id,
    };
  });
  form.check.before(
    ...fields.map(({ name, field, id }) =>
      element('div', { class: 'field' }, element('label', { for: id }, name), field),
    ),
  );
  const callNow = (): HttpCall => {
    const given = fields.filter(({ field }) => field.value !== '').map(({ name, field }) => [name, field.value]);
    const search = given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
    return {
      method,
      path: `${below}${search}`,
      ...(operation.request === undefined ? {} : { body: bodyOf(form.message.value) }),
    };
  };
  form.status.textContent = `${method} ${base}${below}`;
  form.send.form?.addEventListener('submit', () => void request(form, callNow(), { ...checks, operation, base }));
  form.message.addEventListener('input', () => {
    const body = bodyOf(form.message.value);
    const faults = operation.request === undefined ? [] : explainBody(operation.request, body, checks);
    form.check.replaceChildren(
      ...faults.map(({ pointer, rule, correction }) =>
        element(
          'p',
          { class: 'fault' },
          element('code', {}, pointer === '' ? 'the body' : pointer),
          ` ${rule}. `,
          element('strong', {}, correction),
        ),
      ),
    );
  });
  addCopies(form, () => httpSamples(callNow(), { http: base, webSocket, subprotocol: operations.subprotocol }));
}

/** The body to send. Text that is not JSON is sent unchanged, so that the response shows how the gateway reports it. */
function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

interface Requesting extends Checks {
  readonly operation: HttpTry;
  readonly base: string;
}

async function request(
  form: TryForm,
  { method, path, body }: HttpCall,
  { operation, base, ...checks }: Requesting,
): Promise<void> {
  const { token, apiKey } = form.credential() ?? {};
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const requested = operation.request;
  const faults = requested === undefined ? [] : explainBody(requested, body, checks);
  form.log.add({ direction: 'sent', name: `${method} ${path}`, text: body === undefined ? '' : text, faults });
  form.status.textContent = 'Waiting for the response…';
  try {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: text }),
    });
    if (response.headers.get('content-type')?.startsWith('text/event-stream') === true && response.body !== null)
      return await follow(form, response.body);
    const answer = await response.text();
    form.status.textContent = `Status ${response.status}.`;
    const value = bodyOf(answer);
    const code = isObject(value) && isObject(value['data']) ? value['data']['code'] : undefined;
    const advice =
      response.ok || typeof code !== 'string'
        ? {}
        : {
            advice: {
              text: (checks.operations.errors[code] ?? '').replaceAll('`', ''),
              address: new URL(`errors/${code}.html`, ROOT).href,
              title: code,
            },
          };
    form.log.add({
      direction: 'received',
      name: `${response.status}`,
      text: answer,
      faults: answerFaults(value, response, { ...checks, operation }),
      ...advice,
    });
  } catch (error) {
    form.status.textContent = `The gateway did not respond: ${error instanceof Error ? error.message : String(error)}.`;
  }
}

/**
 * Shows each part of a response of server-sent events as it arrives. Such a response has no end, so this continues
 * until the user leaves the page.
 */
async function follow(form: TryForm, body: ReadableStream<Uint8Array>): Promise<void> {
  form.status.textContent = 'Receiving server-sent events. Leave or reload the page to stop.';
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const text = decoder.decode(part.value, { stream: true });
    form.log.add({ direction: 'received', name: 'text/event-stream', text, faults: [] });
  }
  form.status.textContent = 'The gateway ended the response.';
}

/**
 * The faults of a response: it must match one of the messages with which the operation may respond. `text` and `empty`
 * have no schema.
 */
function answerFaults(
  value: unknown,
  { headers }: Response,
  { operation, ...checks }: Omit<Requesting, 'base'>,
): readonly Fault[] {
  if (headers.get('content-type')?.startsWith('application/json') !== true) return [];
  const tried = operation.replies
    .filter((name) => name !== 'text' && name !== 'empty')
    .map((name) => explainBody(name, value, checks));
  return tried.find((faults) => faults.length === 0) ?? tried[0] ?? [];
}
