/** Checks for values that have a valid type, but cannot be used, have no effect or do harm. */
import { HTTP_OPERATIONS, PATTERNS, WEBSOCKET_PATH } from '../../generated/protocol.ts';
// Import cycle of types only: the checks need a whole configuration, and reading a configuration runs the checks.
import type { Config } from './config.ts';
import type { Problem } from './file.ts';
import { proxyFault } from '../auth/trusted-proxies.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import { eventTable } from '../catalogue/event-table.ts';

/** Returns where a setting was given, such as a file or a flag. Error messages contain the result. */
export type Where = (key: string) => string;

const PATH = /^(?:\/[A-Za-z0-9._~-]+)+$/;
/** The fixed paths of the gateway, which do not depend on the configured path (OPS-1, OPS-4). */
const FIXED = Object.values(HTTP_OPERATIONS).filter(({ path }) => !path.startsWith(`${WEBSOCKET_PATH}/`));

function isTaken(path: string): boolean {
  return FIXED.some((each) => path === each.path || (each.servesBelow && path.startsWith(`${each.path}/`)));
}

/**
 * Matches an origin with another scheme than http or https, such as `vscode-webview://…`. An origin with http or https is compared with the
 * result of `new URL` instead.
 */
const OTHER_ORIGIN = /^(?!https?:)[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*A-Z]*$/;
const HOST = /^(?:\[[0-9a-f:.]+\]|[^\s/:@?#[\]*]+)$/i;

export function valueProblems(config: Config, where: Where): Problem[] {
  const checks: readonly (readonly [key: string, fault: string | undefined])[] = [
    ['path', pathFault(config.path)],
    ['watchStream', streamFault(config.watchStream)],
    ['workers', workersFault(config)],
    ...config.allowedOrigins.map((each) => ['allowedOrigins', originFault(each)] as const),
    ...config.allowedHosts.map((each) => ['allowedHosts', hostFault(each)] as const),
    ...config.trustedProxies.map((each) => ['trustedProxies', proxyFault(each)] as const),
    // If `contract` names another contract, the policies of its events are checked when it is loaded.
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
    ? `is ${path}, which the gateway uses for something else; choose another path, such as /ws.`
    : undefined;
}

function workersFault({ workers, redis }: Config): string | undefined {
  return workers > 1 && redis === undefined
    ? `is ${workers}, and several workers can only share events through Redis: set \`redis\` (--redis redis://host:6379).`
    : undefined;
}

function streamFault(stream: string): string | undefined {
  if (PATTERNS.StreamName.test(stream)) return undefined;
  return `is ${JSON.stringify(stream)}, which is not a stream name; expected main, workspace:<id> or session:<id>.`;
}

/**
 * Checks that a browser could send this origin: browsers send scheme and host in lower case, without a default port, path or trailing
 * slash. An origin in another form would never match.
 */
function originFault(origin: string): string | undefined {
  if (origin.includes('*'))
    return `contains ${JSON.stringify(origin)}; wildcards are not supported. List each origin, such as https://ide.example`;
  const standard = /^https?:/i.test(origin) && URL.canParse(origin) ? new URL(origin).origin : undefined;
  if (standard === origin || origin === 'null' || OTHER_ORIGIN.test(origin)) return undefined;
  const example = standard ?? 'https://ide.example';
  return `contains ${JSON.stringify(origin)}, which no browser sends; expected only scheme, host and port: ${example}`;
}

function hostFault(host: string): string | undefined {
  if (HOST.test(host)) return undefined;
  return `contains ${JSON.stringify(host)}; expected only a name, without scheme, port and path: events.example`;
}

function replayFault(event: string, policy: Config['replay'][string]): string | undefined {
  try {
    eventTable({ [event]: policy });
    return undefined;
  } catch {
    const subject = stockCatalogue.events.has(event) ? event : 'a custom event';
    return `cannot be ${policy}: ${subject} has no key. Choose none, latest or log.`;
  }
}

/** Warns about settings for proxies that have no effect, or have an effect that the operator probably did not intend. */
export function proxyWarnings({ trustedProxies, forwardedHeader, auth, insecure }: Config): Problem[] {
  if (trustedProxies.length === 0 && forwardedHeader === 'forwarded')
    return [
      {
        where: 'forwardedHeader',
        text: 'No proxy is trusted, so the header is ignored. List the proxies in `trustedProxies`.',
      },
    ];
  if (trustedProxies.length === 0 || auth !== undefined || insecure) return [];
  const text =
    'No credential is configured, so clients that a proxy forwards from other machines are rejected (SEC-5). Configure `auth`, or ' +
    'set --insecure if the proxy checks who may connect.';
  return [{ where: 'trustedProxies', text }];
}
