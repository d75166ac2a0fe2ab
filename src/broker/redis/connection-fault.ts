/** Explains why Redis cannot be used, and whether another attempt may succeed. */

/** Redis could not be reached. Another attempt may succeed, because Redis may be starting. */
export class RedisUnreachable extends Error {}

interface Reason {
  /** Matches the error text of the operating system, of ioredis or of Redis. */
  readonly pattern: RegExp;
  readonly words: string;
  readonly kind: 'passing' | 'lasting';
}

const REASONS: readonly Reason[] = [
  { pattern: /ECONNREFUSED/, words: 'nothing listens at this address', kind: 'passing' },
  { pattern: /ENOTFOUND|EAI_AGAIN/, words: 'its host name cannot be resolved', kind: 'passing' },
  { pattern: /ETIMEDOUT|did not deliver it within/, words: 'it does not answer', kind: 'passing' },
  { pattern: /EHOSTUNREACH|ENETUNREACH/, words: 'no network route leads to it', kind: 'passing' },
  { pattern: /ECONNRESET|EPIPE|Connection is closed/, words: 'it closed the connection', kind: 'passing' },
  { pattern: /^(?:LOADING|MASTERDOWN|CLUSTERDOWN)/, words: 'it is starting', kind: 'passing' },
  { pattern: /sentinels are unreachable/, words: 'no sentinel answers', kind: 'passing' },
  { pattern: /Failed to refresh slots/, words: 'no node of the cluster answers', kind: 'passing' },
  { pattern: /WRONGPASS/, words: 'the user or the password is wrong', kind: 'lasting' },
  { pattern: /NOAUTH/, words: 'it requires a password', kind: 'lasting' },
  { pattern: /DB index/, words: 'it has no database with this number', kind: 'lasting' },
  {
    pattern: /self-signed|unable to (?:verify|get)/,
    words: 'its certificate is signed by an unknown CA; the parameter ca of the URL names the file of the CA',
    kind: 'lasting',
  },
];

/** Creates the error that explains a failed connection. @param what the beginning of its message, such as `Redis at …` */
export function connectionFault(what: string, reason: string, cause: unknown): Error {
  const known = REASONS.find(({ pattern }) => pattern.test(reason));
  const text = `${what} cannot be used: ${known === undefined ? reason : `${known.words} (${reason})`}`;
  return known?.kind === 'passing' ? new RedisUnreachable(text, { cause }) : new Error(text, { cause });
}
