/** Headers on their way through the recorder. */
import type { IncomingHttpHeaders } from 'node:http';

/** Belong to one hop, and are made anew for the next. Bodies are written down, so they are not to be compressed. */
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

/** A page that the recorder served comes from the target's own origin, as far as the target is concerned. */
export function requestHeaders(headers: IncomingHttpHeaders, target: URL): Headers {
  const passed = passedOn(headers);
  const isOwn = headers.origin !== undefined && headers.origin === `http://${headers.host ?? ''}`;
  return isOwn ? { ...passed, origin: target.origin } : passed;
}
