/** What a setting may not be although its kind allows it: values that would be taken, and then do nothing or harm. */
import { HTTP_OPERATIONS, PATTERNS, WEBSOCKET_PATH } from '../../generated/protocol.ts';
// Cycle of types: the checks read a whole configuration, and reading a configuration runs them.
import type { Config } from './config.ts';
import type { Problem } from './file.ts';
import { proxyFault } from '../auth/trusted-proxies.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import { eventTable } from '../catalogue/event-table.ts';

/** Finds who said a setting. */
export type Where = (key: string) => string;

const PATH = /^(?:\/[A-Za-z0-9._~-]+)+$/;
/** What the gateway serves at fixed addresses: everything but its own path and what lies below it (OPS-1, OPS-4). */
const FIXED = Object.values(HTTP_OPERATIONS).filter(({ path }) => !path.startsWith(`${WEBSOCKET_PATH}/`));

function isTaken(path: string): boolean {
  return FIXED.some((each) => path === each.path || (each.servesBelow && path.startsWith(`${each.path}/`)));
}

/** Schemes that pages of programs have, such as `vscode-webview://…`; what `new URL` knows is compared with what it makes of it. */
const OTHER_ORIGIN = /^(?!https?:)[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*A-Z]*$/;
const HOST = /^(?:\[[0-9a-f:.]+\]|[^\s/:@?#[\]*]+)$/i;

export function valueProblems(config: Config, where: Where): Problem[] {
  const checks: readonly (readonly [key: string, fault: string | undefined])[] = [
    ['path', pathFault(config.path)],
    ['watchStream', streamFault(config.watchStream)],
    ...config.allowedOrigins.map((each) => ['allowedOrigins', originFault(each)] as const),
    ...config.allowedHosts.map((each) => ['allowedHosts', hostFault(each)] as const),
    ...config.trustedProxies.map((each) => ['trustedProxies', proxyFault(each)] as const),
    // What an event of an own contract may be is checked with that contract.
    ...Object.entries(config.replay)
      .filter(([event]) => config.contract === undefined || event === '*' || stockCatalogue.events.has(event))
      .map(([event, policy]) => [`replay.${event}`, replayFault(event, policy)] as const),
  ];
  return checks.flatMap(([key, fault]) =>
    fault === undefined ? [] : [{ where: where(key), text: `\`${key}\` ${fault}` }],
  );
}

function pathFault(path: string): string | undefined {
  if (!path.startsWith('/')) return 'must begin with /.';
  if (!PATH.test(path))
    return `is ${JSON.stringify(path)}; it must be segments of letters, digits, dots, dashes, underscores and tildes, such as /ws.`;
  return isTaken(path)
    ? `is ${path}, where the gateway serves something else; take another one, such as /ws.`
    : undefined;
}

function streamFault(stream: string): string | undefined {
  if (PATTERNS.StreamName.test(stream)) return undefined;
  return `is ${JSON.stringify(stream)}, which is no stream; write main, workspace:<id> or session:<id>.`;
}

/** Browsers send scheme and host in lower case, without a standard port, path or slash: nothing else ever matches. */
function originFault(origin: string): string | undefined {
  if (origin.includes('*'))
    return `holds ${JSON.stringify(origin)}; origins are compared whole, without wildcards. List each origin: https://ide.example`;
  const standard = /^https?:/i.test(origin) && URL.canParse(origin) ? new URL(origin).origin : undefined;
  if (standard === origin || origin === 'null' || OTHER_ORIGIN.test(origin)) return undefined;
  const example = standard ?? 'https://ide.example';
  return `holds ${JSON.stringify(origin)}, which no browser sends; write scheme, host and port alone: ${example}`;
}

function hostFault(host: string): string | undefined {
  if (HOST.test(host)) return undefined;
  return `holds ${JSON.stringify(host)}; write a name alone, without scheme, port and path: events.example`;
}

function replayFault(event: string, policy: Config['replay'][string]): string | undefined {
  try {
    eventTable({ [event]: policy });
    return undefined;
  } catch {
    const others = stockCatalogue.events.has(event) ? event : 'a custom event';
    return `cannot be ${policy}: ${others} has no key. Choose none, latest or log.`;
  }
}

/** Settings for proxies that have no effect, or another one than their author may think. */
export function proxyWarnings({ trustedProxies, forwardedHeader, auth, insecure }: Config): Problem[] {
  if (trustedProxies.length === 0 && forwardedHeader === 'forwarded')
    return [
      { where: 'forwardedHeader', text: 'No proxy is trusted, so that the header is not read. List `trustedProxies`.' },
    ];
  if (trustedProxies.length === 0 || auth !== undefined || insecure) return [];
  const text =
    'No credential is configured, so that clients that a proxy forwards from other machines are refused (SEC-5). Configure `auth`, or ' +
    'set --insecure if the proxy checks who may connect.';
  return [{ where: 'trustedProxies', text }];
}
