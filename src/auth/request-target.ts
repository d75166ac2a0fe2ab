/**
 * What a request line asks for (RFC 9112 §3.2). A peer may write anything there, and `new URL` throws at some of it; inside the
 * listener of an upgrade that would end the process.
 */
import type { IncomingMessage } from 'node:http';

export interface RequestTarget {
  /** As it was written: nothing is decoded, no `..` resolved, so that no second spelling reaches a guarded address. */
  readonly pathname: string;
  readonly query: URLSearchParams;
  /** The host of a target that brings one along; it then stands for the Host header. */
  readonly host: string | undefined;
}

/**
 * The host that a request is for; undefined where it names none, or several: a proxy in front may then have read another one
 * than we do (RFC 9112 §3.2).
 */
export function requestHost({ url, headers, rawHeaders }: IncomingMessage): string | undefined {
  const names = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
  return names.length === 1 ? (requestTarget(url).host ?? headers.host) : undefined;
}

const ABSOLUTE = /^https?:\/\/([^/?#]+)(.*)$/i;

/** Reads a target; one that names no path (`*`, `host:port`, rubbish) has an empty one. */
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
