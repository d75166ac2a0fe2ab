/** Converts failures of Redis to the errors that publishers receive. Each error reports whether the event may have been stored. */
import { ProtocolError } from '../../errors.ts';
import { BROKER_RETRY_MS } from '../broker.ts';
import { NotSent } from './connection.ts';

/** Thrown if a publish failed before anything was stored. The publisher receives the message. */
export class NotStored extends Error {}

export function refused(stream: string, reply: string): NotStored {
  if (reply === 'foreign') return new NotStored(`another version of Tidemark wrote the stream ${stream}`);
  const [, command] = /^denied (.+)$/.exec(reply) ?? [];
  return new NotStored(
    command === undefined
      ? `for the stream ${stream}, a Redis script returned ${JSON.stringify(reply)}, a reply that this version of Tidemark does not know`
      : `the Redis user may not run ${command}`,
  );
}

export const NOT_STORED = { outcome: 'not_stored' } as const;
const UNKNOWN = { outcome: 'unknown' } as const;

/**
 * The error codes with which Redis rejects a script before it runs, each with the message for the publisher. A running script never fails
 * with these codes (publish.lua).
 */
const REFUSALS: readonly (readonly [code: string, reason: string])[] = [
  ['OOM', 'Redis is out of memory'],
  ['READONLY', 'this Redis is a replica'],
  ['MISCONF', 'Redis cannot write to its disk'],
  ['NOREPLICAS', 'Redis has lost its replicas'],
  ['LOADING', 'Redis is loading its data'],
  ['MASTERDOWN', 'Redis has lost its master'],
  ['CLUSTERDOWN', 'the Redis cluster is down'],
  ['TRYAGAIN', 'the Redis cluster is moving the stream to another server'],
  ['MOVED', 'the Redis cluster has moved the stream to another server'],
  ['ASK', 'the Redis cluster is moving the stream to another server'],
  ['BUSY', 'Redis is busy with a script'],
  ['NOAUTH', 'Redis requires a login'],
];

/**
 * Decides whether the event may have been stored. It was certainly not stored if it was not sent, or if Redis rejected the script before
 * its first write. After any other error, it may have been stored.
 */
export function publishFailure(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const text = error instanceof Error ? error.message : '';
  const refusal = refusalOf(error);
  if (error instanceof NotStored) return notStored(error.message, error);
  if (refusal !== undefined) return notStored(refusal, error);
  // Without the name of a script in its text, this error means that Redis did not run the script at all.
  if (text.startsWith('NOPERM ') && !text.includes('script:'))
    return notStored('the Redis user lacks a permission', error);
  if (error instanceof NotSent || text.includes('enableOfflineQueue'))
    return notStored('Redis cannot be reached', error);
  const reason = isReply(error) ? 'Redis failed during the publish' : 'Redis did not answer';
  const message = `${reason}: the event may or may not have been published. Repeat it with an idempotencyKey to publish it once.`;
  return new ProtocolError('broker_unavailable', message, {
    retryAfterMs: BROKER_RETRY_MS,
    details: UNKNOWN,
    cause: error,
  });
}

/** The reason why Redis refused to run a script at all; undefined for any other error. */
export function refusalOf(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : '';
  return REFUSALS.find(([code]) => text.startsWith(`${code} `))?.[1];
}

function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

function notStored(reason: string, cause: unknown): ProtocolError {
  return new ProtocolError('broker_unavailable', `${reason}: nothing was stored`, {
    retryAfterMs: BROKER_RETRY_MS,
    details: NOT_STORED,
    cause,
  });
}
