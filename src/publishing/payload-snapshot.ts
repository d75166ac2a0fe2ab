/** Copies a payload that the host program publishes, because the program may change its object later. */
import type { OpenObject } from '../../generated/types.ts';
import { ProtocolError } from '../errors.ts';

/**
 * Copies a payload by converting it to JSON and back.
 * @throws {ProtocolError} `payload_invalid` if the payload cannot be written as JSON, or if the result is not an object
 */
export function snapshotOf(payload: object): OpenObject {
  try {
    const copy: unknown = JSON.parse(JSON.stringify(payload));
    if (typeof copy === 'object' && copy !== null && !Array.isArray(copy)) return copy as OpenObject;
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown fault';
    throw new ProtocolError('payload_invalid', `The payload cannot be written as JSON: ${reason}`, { cause: error });
  }
  throw new ProtocolError('payload_invalid', 'The payload must be a JSON object.');
}
