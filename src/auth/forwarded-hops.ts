/**
 * Reads the addresses that proxies wrote into the headers of a request. Any client can send these headers. Only the last element is certain
 * to come from the peer of the connection. So the elements are read from right to left, up to the first invalid element.
 */
import { SocketAddress, isIPv4, isIPv6 } from 'node:net';
import type { IncomingMessage } from 'node:http';

/**
 * The header that the proxies in front of the gateway write. The addresses in the other header must not be used: a proxy passes that header
 * on as the client sent it.
 */
export type ForwardedHeader = 'x-forwarded-for' | 'forwarded';

const OTHER = { 'x-forwarded-for': 'forwarded', forwarded: 'x-forwarded-for' } as const;
/** The default of `http.Server.maxHeadersCount`. */
const MAX_HEADERS = 1000;
const MAPPED = '::ffff:';
/** An address with an optional port: `192.0.2.1:4711`, `[2001:db8::1]`, `[2001:db8::1]:4711`. */
const WITH_PORT = /^(?:(?<v4>[\d.]+)|\[(?<v6>[\da-f:.]+:[\da-f:.]+)\])(?::\d{1,5})?$/i;
/**
 * One `name=value` pair of a `Forwarded` element (RFC 7239 §4). Escapes in a quoted string are not supported, because no address needs
 * them.
 */
const PAIR = /^[ \t]*([!#$%&'*+.^`|~\w-]+)=(?:"([^"\\]*)"|([^\s";,=\\]+))[ \t]*$/;

/**
 * The address in its shortest form. An IPv4 address in the form of an IPv6 address (`::ffff:192.0.2.1`) becomes the IPv4 address. Undefined
 * if the address is invalid.
 */
export function normalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  // An address with a zone (`fe80::1%eth0`) is meaningful on one machine only.
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  const mapped = address.slice(MAPPED.length);
  return address.startsWith(MAPPED) && isIPv4(mapped) ? mapped : address;
}

/**
 * Yields the addresses in the header, from the last to the first. Yields undefined for an element without a valid address. Also yields
 * undefined if the header, or a part of it, may be missing from a forwarded request.
 */
export function* forwardedHops(
  { headers, rawHeaders, socket }: Pick<IncomingMessage, 'headers' | 'rawHeaders' | 'socket'>,
  header: ForwardedHeader,
): Generator<string | undefined> {
  const value = headers[header];
  // The header, or its last element, may have been dropped.
  if (rawHeaders.length >= 2 * headerLimit(socket)) yield undefined;
  // The request has only the other header, so the proxy does not write the header that it should write.
  if (value === undefined && headers[OTHER[header]] !== undefined) yield undefined;
  if (value === undefined) return;
  // Node joins repeated headers in the order in which they were sent.
  const text = Array.isArray(value) ? value.join(',') : value;
  for (const element of elementsFromRight(text))
    yield header === 'forwarded' ? addressOfElement(element) : addressOfNode(element.trim());
}

/**
 * The number of headers after which older versions of Node 22 silently drop the rest. A host to whose server the gateway is attached can
 * lower the number. Node sets `socket.server`, but does not document it.
 */
function headerLimit(socket: object): number {
  const server = 'server' in socket ? socket.server : undefined;
  if (typeof server !== 'object' || server === null || !('maxHeadersCount' in server)) return MAX_HEADERS;
  const { maxHeadersCount } = server;
  if (typeof maxHeadersCount !== 'number') return MAX_HEADERS;
  return maxHeadersCount > 0 ? maxHeadersCount : Infinity;
}

/**
 * Splits a list at commas outside quotes, from right to left. So if a client sends an unclosed quote, the elements that proxies appended
 * are still split correctly.
 */
function* elementsFromRight(text: string): Generator<string> {
  let element = '';
  for (const part of text.split(',').toReversed()) {
    element = element === '' ? part : `${part},${element}`;
    if (element.split('"').length % 2 === 0) continue;
    yield element;
    element = '';
  }
  if (element !== '') yield element;
}

function addressOfElement(element: string): string | undefined {
  const pairs = element.split(';').map((pair) => PAIR.exec(pair));
  if (pairs.includes(null)) return undefined;
  const nodes = pairs.filter((pair) => pair?.[1]?.toLowerCase() === 'for');
  const [node] = nodes;
  return nodes.length === 1 ? addressOfNode(node?.[2] ?? node?.[3] ?? '') : undefined;
}

function addressOfNode(text: string): string | undefined {
  const { v4, v6 } = WITH_PORT.exec(text)?.groups ?? {};
  return normalAddress(v4 ?? v6 ?? text);
}
