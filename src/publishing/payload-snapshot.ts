/** The payload of a host program as it is at this moment. */
import type { OpenObject } from '../../generated/types.ts';
import { ProtocolError } from '../errors.ts';

/**
 * A payload as JSON has it.
 * @throws {ProtocolError} `payload_invalid` when JSON has no words for it, or it is no object there
 */
export function snapshotOf(payload: object): OpenObject {
  try {
    const copy: unknown = JSON.parse(JSON.stringify(payload));
    if (typeof copy === 'object' && copy !== null && !Array.isArray(copy)) return copy as OpenObject;
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown fault';
    throw new ProtocolError('payload_invalid', `The payload cannot be written as JSON: ${reason}`, { cause: error });
  }
  throw new ProtocolError('payload_invalid', 'The payload is no object when it is written as JSON.');
}
