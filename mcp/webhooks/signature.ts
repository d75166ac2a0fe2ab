/** Signatures of Standard Webhooks v1, in the form that SEP-3415 (*Signature scheme*) requires. */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
const FEWEST_BYTES = 24;
const MOST_BYTES = 64;

/** @returns the key that a secret contains; undefined if the secret is not `whsec_` followed by the base64 of 24 to 64 bytes */
export function keyOf(secret: string): Buffer | undefined {
  const encoded = secret.slice(PREFIX.length);
  if (!secret.startsWith(PREFIX) || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const key = Buffer.from(encoded, 'base64');
  return key.length >= FEWEST_BYTES && key.length <= MOST_BYTES ? key : undefined;
}

export interface Signed {
  /** The value of the header `webhook-id`. */
  readonly id: string;
  /** The exact text of the body. */
  readonly body: string;
}

/**
 * Returns the headers of one attempt to deliver. Each attempt has a new signature with the current time, so that a receiver does not reject
 * a retry as too old.
 * @param keys the current key, and for some time after a rotation also the previous key
 * @param now milliseconds since the Unix epoch
 */
export function signedHeaders({ id, body }: Signed, keys: readonly Buffer[], now: number): Record<string, string> {
  const timestamp = Math.floor(now / 1000);
  const signatures = keys.map(
    (key) => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
  );
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signatures.join(' ') };
}
