/**
 * Which pages may connect to the gateway, under which host names (SEC-4). A browser lets any page open a WebSocket to any address
 * and sends stored credentials along, and an attacker can make a domain name resolve to 127.0.0.1. So both Origin and Host are
 * checked.
 */
import { LOOPBACK_NAMES } from './loopback.ts';

export interface OriginPolicy {
  readonly allowedOrigins: ReadonlySet<string>;
  /** Names without port, in lower case. */
  readonly allowedHosts: Set<string>;
}

export const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

export function originPolicy(options: {
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
}): OriginPolicy {
  return {
    allowedOrigins: new Set(options.allowedOrigins.map(normalOrigin)),
    allowedHosts: new Set([...LOOPBACK_NAMES, ...options.allowedHosts.map(hostName)]),
  };
}

/** The listening address is also a served host name, unless it is the wildcard address. */
export function serveUnder(host: string, { allowedHosts }: OriginPolicy): void {
  if (!WILDCARDS.has(host)) allowedHosts.add(hostName(host.includes(':') ? `[${host}]` : host));
}

/** Without port, in lower case; an IPv6 address in its shortest form. */
function hostName(host: string): string {
  const name = host.toLowerCase().replace(/(?<=[^:]|\]):\d*$/, '');
  const address = `http://${name}`;
  return name.startsWith('[') && URL.canParse(address) ? new URL(address).hostname : name;
}

/**
 * Normalises an origin as in RFC 6454 §4: scheme and host in lower case, without the standard port. An origin without this form,
 * such as `null` or `vscode-webview://…`, is compared as text.
 */
function normalOrigin(origin: string): string {
  const isPlain = /^https?:\/\/[^/?#@\\\s]+$/i.test(origin);
  return isPlain && URL.canParse(origin) ? new URL(origin).origin : origin;
}

/** The fault of the Host header, or undefined. */
export function checkHost(host: string | undefined, policy: OriginPolicy): string | undefined {
  if (host !== undefined && policy.allowedHosts.has(hostName(host))) return undefined;
  return 'This host name is not allowed. The operator can add it to the allowed hosts.';
}

/** The fault of the Origin header, or undefined. Programs send no Origin; the gateway's own pages are always allowed. */
export function checkOrigin(
  origin: string | undefined,
  host: string | undefined,
  policy: OriginPolicy,
): string | undefined {
  if (origin === undefined) return undefined;
  const normal = normalOrigin(origin);
  if (policy.allowedOrigins.has(normal)) return undefined;
  // A proxy may terminate TLS, so the scheme of the page is unknown here.
  const isOwn = (scheme: string): boolean => normal === normalOrigin(`${scheme}://${host}`);
  if (host !== undefined && (isOwn('http') || isOwn('https'))) return undefined;
  return 'Pages of this origin are not allowed to connect. The operator can add it to the allowed origins.';
}
