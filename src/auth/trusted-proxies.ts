/**
 * Determines the address from which a request comes. Behind a proxy, the peer of the socket is the proxy, and the address of the client is
 * in a header. Because any client can send this header, only the part that trusted proxies wrote is used.
 */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv4 } from 'node:net';
import { forwardedHops, normalAddress } from './forwarded-hops.ts';
import type { ForwardedHeader } from './forwarded-hops.ts';
import { isLoopback } from './loopback.ts';

/** The address of a client that has no address, or whose address was not understood. */
export const UNKNOWN_ADDRESS = 'unknown';

export interface TrustedProxiesOptions {
  /** Addresses and CIDR ranges. */
  readonly trustedProxies: readonly string[];
  readonly forwardedHeader: ForwardedHeader;
}

export interface ClientAddress {
  /**
   * The normalised address. A forwarded request has a loopback address only if every proxy on its way, and the client, are on this machine.
   * `unknown` for a Unix domain socket, and for a client whose address a proxy on this machine did not name.
   */
  readonly address: string;
  /** `proxy` if a trusted proxy forwarded the request; otherwise `peer`: the address is that of the socket's peer. */
  readonly from: 'peer' | 'proxy';
}

interface Range {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Why an entry of `trustedProxies` cannot be used; undefined if it can be used. */
export function proxyFault(entry: string): string | undefined {
  const range = rangeOf(entry);
  if (range === undefined)
    return `contains ${JSON.stringify(entry)}; expected the address of a proxy or a range of addresses: 10.0.0.7, 10.0.0.0/24, fd00::/64`;
  if (range.prefix === 0)
    return `contains ${JSON.stringify(entry)}, which trusts all addresses, so any client could claim any address. List only your proxies.`;
  return undefined;
}

function rangeOf(entry: string): Range | undefined {
  const [text = '', length, ...more] = entry.split('/');
  const address = normalAddress(text);
  if (address === undefined || more.length > 0) return undefined;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  // In `::ffff:10.0.0.0/104`, the prefix length is that of IPv6, but the address is IPv4. Such a range is rejected.
  if (length !== undefined && family === 'ipv4' && !isIPv4(text)) return undefined;
  const longest = family === 'ipv4' ? 32 : 128;
  const prefix = length === undefined ? longest : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  return prefix >= 0 && prefix <= longest ? { address, prefix, family } : undefined;
}

export class TrustedProxies {
  /** The addresses of the trusted proxies; undefined if no proxy is trusted. */
  readonly #ranges: BlockList | undefined;
  readonly #header: ForwardedHeader;

  /** @throws {RangeError} if an entry of `trustedProxies` cannot be used; names the entry */
  constructor({ trustedProxies, forwardedHeader }: TrustedProxiesOptions) {
    this.#header = forwardedHeader;
    if (trustedProxies.length === 0) return;
    this.#ranges = new BlockList();
    for (const entry of trustedProxies) {
      const fault = proxyFault(entry);
      if (fault !== undefined) throw new RangeError(`trustedProxies ${fault}`);
      const range = rangeOf(entry);
      if (range !== undefined) this.#ranges.addSubnet(range.address, range.prefix, range.family);
    }
  }

  /**
   * Follows the addresses from the peer back to the client. The first address that is not a trusted proxy is the client's. If an element is
   * invalid, the address of the last proxy is used, or `unknown` if that is a loopback address.
   */
  clientOf(request: Pick<IncomingMessage, 'headers' | 'rawHeaders' | 'socket'>): ClientAddress {
    const { remoteAddress = UNKNOWN_ADDRESS } = request.socket;
    const peer = normalAddress(remoteAddress.replace(/%.*$/, '')) ?? remoteAddress;
    if (!this.#trusts(peer)) return { address: peer, from: 'peer' };
    let [address, from]: [string, ClientAddress['from']] = [peer, 'peer'];
    for (const hop of forwardedHops(request, this.#header)) {
      from = 'proxy';
      if (hop === undefined) return { address: isLoopback(address) ? UNKNOWN_ADDRESS : address, from };
      // If a proxy on another machine wrote a loopback address, the client is on that machine. Keep the address of that proxy.
      if (!isLoopback(hop) || isLoopback(address)) address = hop;
      if (!this.#trusts(hop)) break;
    }
    return { address, from };
  }

  #trusts(address: string): boolean {
    if (this.#ranges === undefined) return false;
    const known = normalAddress(address);
    return known !== undefined && this.#ranges.check(known, isIPv4(known) ? 'ipv4' : 'ipv6');
  }
}
