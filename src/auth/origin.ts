/**
 * Which pages may reach the gateway, under which names (SEC-4). A browser lets any page open a WebSocket anywhere and sends along
 * what it knows, and a name that an attacker owns may be made to point at 127.0.0.1: so both headers are checked.
 */
export interface OriginPolicy {
  readonly allowedOrigins: ReadonlySet<string>;
  /** Names without port, in lower case. */
  readonly allowedHosts: Set<string>;
}

export const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

export function originPolicy(options: {
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
}): OriginPolicy {
  return {
    allowedOrigins: new Set(options.allowedOrigins.map(normalOrigin)),
    allowedHosts: new Set([...LOOPBACK_NAMES, ...options.allowedHosts.map(hostName)]),
  };
}

/** An address that the gateway listens on is a name that it is served under, unless it stands for all of them. */
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
 * As RFC 6454 §4 compares: scheme and host in lower case, the standard port left out. What has no such form stays as it is,
 * and is compared as text: `null`, and schemes of programs such as `vscode-webview://…`.
 */
function normalOrigin(origin: string): string {
  const isPlain = /^https?:\/\/[^/?#@\\\s]+$/i.test(origin);
  return isPlain && URL.canParse(origin) ? new URL(origin).origin : origin;
}

/** What is wrong with the Host header, or undefined. */
export function checkHost(host: string | undefined, policy: OriginPolicy): string | undefined {
  if (host !== undefined && policy.allowedHosts.has(hostName(host))) return undefined;
  return 'This gateway is not served under that name; its operator can add it to the allowed hosts.';
}

/** What is wrong with the Origin header, or undefined. Programs send none; the gateway's own pages are always welcome. */
export function checkOrigin(
  origin: string | undefined,
  host: string | undefined,
  policy: OriginPolicy,
): string | undefined {
  if (origin === undefined) return undefined;
  const normal = normalOrigin(origin);
  if (policy.allowedOrigins.has(normal)) return undefined;
  // A proxy may end TLS, so that the scheme of the page is not known here.
  const isOwn = (scheme: string): boolean => normal === normalOrigin(`${scheme}://${host}`);
  if (host !== undefined && (isOwn('http') || isOwn('https'))) return undefined;
  return 'Pages of that origin may not connect; the operator can add it to the allowed origins.';
}
