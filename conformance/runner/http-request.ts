/** Sends one HTTP request and writes it and its response into the trace. */
import { secretsIn } from '../target/credential.ts';
import { callHttp } from '../target/http.ts';
import { tryParse } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import type { HttpRequest } from '../tape/tape.ts';
import { credentialOf } from './connection.ts';
import { PATIENCE_MS, UnreachableError } from './context.ts';
import type { RunContext } from './context.ts';

/** How many characters of a body are kept in the trace. Checks get the whole body. */
const KEPT = 4000;

export interface Exchange {
  readonly context: Omit<RunContext, 'profile'>;
  readonly check: string;
  readonly request: HttpRequest;
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body as JSON if it is JSON, otherwise as a string. */
  readonly body: Json;
}

function addressOf(request: HttpRequest, base: string): URL {
  const url = new URL(request.path, base);
  for (const [key, value] of Object.entries(request.query ?? {}))
    url.searchParams.set(key, typeof value === 'string' ? value : JSON.stringify(value));
  return url;
}

/** @throws {UnreachableError} when there is no response. */
export async function sendRequest({ context, check, request, timeoutMs }: Exchange): Promise<Answer> {
  const { config, trace, timeScale } = context;
  const { method, body } = request;
  const url = addressOf(request, config.httpUrl);
  const raw = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const headers = {
    ...(await credentialOf(request.credential, context))?.headers,
    ...(raw === undefined ? {} : { 'content-type': 'application/json' }),
    ...request.headers,
  };
  for (const secret of secretsIn(headers)) trace.conceal(secret);
  const note = (dir: '>>' | '<<', value: Json): void => {
    trace.add({ actor: 'http', connection: 0, dir, kind: 'http', text: JSON.stringify(value), check });
  };
  const shown = { method, path: `${url.pathname}${url.search}` };
  note('>>', raw === undefined ? shown : { ...shown, body: tryParse(raw.slice(0, KEPT)) ?? raw.slice(0, KEPT) });
  try {
    const answer = await callHttp({
      method,
      url,
      headers,
      ...(raw === undefined ? {} : { body: raw }),
      timeoutMs: timeoutMs ?? PATIENCE_MS * timeScale,
      timer: context.clock.timer,
    });
    const { status } = answer;
    // The answer is also shown in reports.
    const answered = trace.headersWithoutSecrets(answer.headers);
    const text = trace.withoutSecrets(answer.body);
    const json = tryParse(text);
    note('<<', { ...shown, status, headers: answered, body: json ?? text.slice(0, KEPT) });
    return { status, headers: answered, text, body: json ?? text };
  } catch (cause) {
    const fault = cause instanceof Error ? cause.message : String(cause);
    note('<<', { ...shown, fault });
    throw new UnreachableError(`${method} ${url.pathname}: ${fault}`, { cause });
  }
}
