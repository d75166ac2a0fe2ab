/**
 * Parses the target of a request line (RFC 9112 §3.2). `new URL` throws on some targets, and inside the listener of an upgrade
 * that would end the process.
 */
import type { IncomingMessage } from 'node:http';

export interface RequestTarget {
  /** The raw path: nothing is decoded and no `..` is resolved, so that a guarded address has only one spelling. */
  readonly pathname: string;
  readonly query: URLSearchParams;
  /** The host in an absolute target, which replaces the Host header. */
  readonly host: string | undefined;
}

/**
 * The host of a request; undefined if it names none, or several, because a proxy may then have used another one (RFC 9112 §3.2).
 */
export function requestHost({ url, headers, rawHeaders }: IncomingMessage): string | undefined {
  let names = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === 'host') names += 1;
  return names === 1 ? (hostOf(url) ?? headers.host) : undefined;
}

const ABSOLUTE = /^https?:\/\/([^/?#]+)(.*)$/i;

/** The host in an absolute target. */
function hostOf(url = '/'): string | undefined {
  return url.startsWith('/') ? undefined : ABSOLUTE.exec(url)?.[1];
}

/** Parses a target; without a path (`*`, `host:port`, invalid text) the path is empty. */
export function requestTarget(url = '/'): RequestTarget {
  const [, host, rest] = ABSOLUTE.exec(url) ?? [];
  const target = host === undefined ? url : (rest ?? '');
  const [path = '', ...query] = (target.split('#', 1)[0] ?? '').split('?');
  const pathname = host !== undefined && path === '' ? '/' : path;
  return {
    pathname: pathname.startsWith('/') ? pathname : '',
    query: new URLSearchParams(query.join('?')),
    host,
  };
}
