/**
 * Decides which pages may connect to the gateway, and under which host names (SEC-4). Origin is checked because a browser lets any page
 * open a WebSocket to any address, and sends stored credentials along. Host is checked because an attacker can make a domain name resolve
 * to 127.0.0.1.
 */
import { LOOPBACK_NAMES } from './loopback.ts';

export interface OriginPolicy {
  readonly allowedOrigins: ReadonlySet<string>;
  /** Host names in lower case, without a port. */
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

/** Adds the listening address to the allowed host names, unless it is the wildcard address. */
export function serveUnder(host: string, { allowedHosts }: OriginPolicy): void {
  if (!WILDCARDS.has(host)) allowedHosts.add(hostName(host.includes(':') ? `[${host}]` : host));
}

/** The host in lower case, without its port. An IPv6 address is given in its shortest form. */
function hostName(host: string): string {
  const name = host.toLowerCase().replace(/(?<=[^:]|\]):\d*$/, '');
  const address = `http://${name}`;
  return name.startsWith('[') && URL.canParse(address) ? new URL(address).hostname : name;
}

/**
 * Normalises an origin as RFC 6454 §4 describes: scheme and host in lower case, without the default port. An origin that has another form,
 * such as `null` or `vscode-webview://…`, is returned unchanged.
 */
function normalOrigin(origin: string): string {
  const isPlain = /^https?:\/\/[^/?#@\\\s]+$/i.test(origin);
  return isPlain && URL.canParse(origin) ? new URL(origin).origin : origin;
}

/** Why the Host header is rejected; undefined if it is allowed. */
export function checkHost(host: string | undefined, policy: OriginPolicy): string | undefined {
  if (host !== undefined && policy.allowedHosts.has(hostName(host))) return undefined;
  return 'The host name in the Host header is not allowed. The operator can add it to the allowed hosts.';
}

/**
 * Why the Origin header is rejected; undefined if it is allowed. Programs other than browsers send no Origin. The gateway's own pages are
 * always allowed.
 */
export function checkOrigin(
  origin: string | undefined,
  host: string | undefined,
  policy: OriginPolicy,
): string | undefined {
  if (origin === undefined) return undefined;
  const normal = normalOrigin(origin);
  if (policy.allowedOrigins.has(normal)) return undefined;
  // A proxy may terminate TLS, so it is unknown whether the page was loaded by http or https.
  const isOwn = (scheme: string): boolean => normal === normalOrigin(`${scheme}://${host}`);
  if (host !== undefined && (isOwn('http') || isOwn('https'))) return undefined;
  return 'Pages of this origin are not allowed to connect. The operator can add the origin to the allowed origins.';
}
