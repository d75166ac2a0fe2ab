/** An HTTP client for the suite: sends any header and method, follows no redirects, and throws no error for a status. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { joinedHeaders, readBytes } from './message.ts';
import { clockTimer } from './timer.ts';
import type { Timer } from './timer.ts';

export interface HttpCall {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** How long the response may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The timer for `timeoutMs`; by default the clock. */
  readonly timer?: Timer;
}

/** The parts of a response as they were received, for a proxy that forwards them unchanged. */
export interface RawAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The body as text, in UTF-8. */
  readonly body: string;
  readonly raw: RawAnswer;
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const raw = { headers: response.headers, body: await readBytes(response) };
  return {
    status: response.statusCode ?? 0,
    headers: joinedHeaders(response.headers),
    body: raw.body.toString('utf8'),
    raw,
  };
}

/** Sends one request. Rejects when there is no response. */
export function callHttp(call: HttpCall): Promise<HttpAnswer> {
  const { method, url, body, timeoutMs, timer = clockTimer } = call;
  const headers = {
    ...call.headers,
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  };
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    // Each request gets a new connection, because the server could close a kept-alive connection just as the next
    // request is sent.
    const outgoing = send(url, { method, headers, agent: false }, (response) => {
      readAnswer(response).then(resolve, reject);
    });
    outgoing.on('upgrade', (response, socket) => {
      socket.destroy();
      const raw = { headers: {}, body: Buffer.alloc(0) };
      resolve({ status: response.statusCode ?? 0, headers: {}, body: '', raw });
    });
    const cancel = timer(timeoutMs, () => outgoing.destroy(new Error(`no response within ${timeoutMs} ms`)));
    outgoing.on('close', cancel);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
