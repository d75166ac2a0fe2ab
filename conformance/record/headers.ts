/** Headers as the recorder forwards them. */
import type { IncomingHttpHeaders } from 'node:http';

/** Hop-by-hop headers, which are not forwarded, and `accept-encoding`, so that bodies are not compressed. */
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

/** A page served through the recorder has the recorder's origin; the target must receive its own origin instead. */
export function requestHeaders(headers: IncomingHttpHeaders, target: URL): Headers {
  const passed = passedOn(headers);
  const isOwn = headers.origin !== undefined && headers.origin === `http://${headers.host ?? ''}`;
  return isOwn ? { ...passed, origin: target.origin } : passed;
}
