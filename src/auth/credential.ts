/** Finds the credential of a request (SEC-2). */
import type { IncomingMessage } from 'node:http';
import { CREDENTIAL_PARAMETERS } from '../../generated/protocol.ts';
import { ProtocolError } from '../errors.ts';
import { requestTarget } from './request-target.ts';

export interface Credential {
  readonly kind: 'bearer' | 'api_key';
  readonly value: string;
}

const IN_QUERY: ReadonlySet<string> = new Set<string>(CREDENTIAL_PARAMETERS);

/** Refuses a request with a credential in its query string. @throws {ProtocolError} `invalid_message` */
export function refuseCredentialInAddress({ url }: Pick<IncomingMessage, 'url'>): void {
  if (url?.includes('?') !== true) return;
  const { query } = requestTarget(url);
  if ([...query.keys()].some((each) => IN_QUERY.has(each.toLowerCase()))) {
    throw new ProtocolError(
      'invalid_message',
      'A credential must not be in the address, because addresses are logged. Use a header or `authenticate`.',
    );
  }
}

/**
 * Finds the credential of a request.
 * @returns the credential in the headers; undefined if the headers contain none
 * @throws {ProtocolError} `invalid_message` if a credential is in the query string, or if both headers are given; `unauthenticated` if
 * `Authorization` is not a bearer token
 */
export function credentialFrom(request: Pick<IncomingMessage, 'headers' | 'url'>): Credential | undefined {
  refuseCredentialInAddress(request);
  const { authorization, 'x-api-key': apiKey } = request.headers;
  if (authorization !== undefined && apiKey !== undefined)
    throw new ProtocolError('invalid_message', 'Send either Authorization or X-API-Key, not both.');
  if (apiKey !== undefined) return { kind: 'api_key', value: String(apiKey) };
  if (authorization === undefined) return undefined;
  const [, value] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
  if (value === undefined) throw new ProtocolError('unauthenticated', 'Send `Authorization: Bearer <token>`.');
  return { kind: 'bearer', value };
}
