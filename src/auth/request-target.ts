/**
 * Parses the target of a request line (RFC 9112 §3.2). `new URL` is not used, because it throws on some targets, and an exception in the
 * listener of an upgrade would end the process.
 */
import type { IncomingMessage } from 'node:http';

export interface RequestTarget {
  /** The raw path. It is not decoded, and `..` is not resolved. Therefore only one spelling of a path reaches an operation. */
  readonly pathname: string;
  readonly query: URLSearchParams;
  /** The host of an absolute target; it takes precedence over the Host header. */
  readonly host: string | undefined;
}

/**
 * The host of a request. Undefined if the request has no Host header, or several: a proxy might use a different one of them than the
 * gateway (RFC 9112 §3.2).
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

/** Parses a target. The path is empty if the target is `*`, `host:port` or invalid. */
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
