/** Selects and changes the headers that the recorder forwards. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { joinedHeaders } from '../target/message.ts';

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

/** The headers of a response to forward. */
export function passedOn(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP.has(name)));
}

/**
 * The headers to send to the target. A page that is loaded through the recorder sends the recorder's origin, but the target
 * accepts only its own origin. So the recorder replaces the origin.
 */
export function requestHeaders(headers: IncomingHttpHeaders, target: URL): Readonly<Record<string, string>> {
  const passed = Object.fromEntries(Object.entries(joinedHeaders(headers)).filter(([name]) => !HOP.has(name)));
  const isOwn = headers.origin !== undefined && headers.origin === `http://${headers.host ?? ''}`;
  return isOwn ? { ...passed, origin: target.origin } : passed;
}
