/** Selects and changes the headers that the recorder forwards. */
import type { IncomingHttpHeaders } from 'node:http';

/** Headers that are not forwarded: hop-by-hop headers, and `accept-encoding`, so that bodies are not compressed. */
const HOP: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-version',
  'transfer-encoding',
  'upgrade',
]);

export type Headers = Readonly<Record<string, string>>;

export function passedOn(headers: IncomingHttpHeaders | Headers): Headers {
  const entries = Object.entries(headers).filter(([name]) => !HOP.has(name));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

/**
 * The headers to send to the target. A page that is loaded through the recorder sends the recorder's origin, which is
 * replaced by the target's origin, because the target accepts only its own.
 */
export function requestHeaders(headers: IncomingHttpHeaders, target: URL): Headers {
  const passed = passedOn(headers);
  const isOwn = headers.origin !== undefined && headers.origin === `http://${headers.host ?? ''}`;
  return isOwn ? { ...passed, origin: target.origin } : passed;
}
