/** Maps a credential to a principal. No other code identifies clients (SEC-1). */
import { ProtocolError } from '../errors.ts';
import type { Audit } from './audit.ts';
import type { Credential } from './credential.ts';
import { ANONYMOUS } from './principal.ts';
import type { Principal } from './principal.ts';

export interface Authenticator {
  /** Whether a client must present a credential. */
  readonly required: boolean;
  /** The principal of a client that has presented no credential. */
  readonly anonymous: Principal;
  /**
   * Checks a credential.
   * @returns the principal of the client
   * @throws {ProtocolError} `unauthenticated` if the credential is invalid, with the same text for every reason; `internal` if the
   * credential cannot be checked at the moment
   */
  authenticate(credential: Credential): Promise<Principal>;
  /** Calls the listener with the `credentialId` of each credential that is revoked from now on. */
  onRevoked(listener: (credentialId: string) => void): void;
  close(): Promise<void>;
}

export interface IdentifyOptions {
  readonly authenticator: Authenticator;
  readonly audit: Audit;
  readonly remoteAddress: string;
}

/** Authenticates a client and records the outcome in the audit log. Used for HTTP and for WebSocket. */
export async function identify(credential: Credential, options: IdentifyOptions): Promise<Principal> {
  const { authenticator, audit, remoteAddress } = options;
  try {
    const principal = await authenticator.authenticate(credential);
    audit.record({ kind: 'authenticate', principal: principal.id, remoteAddress, outcome: 'allowed' });
    return principal;
  } catch (error) {
    audit.record({ kind: 'authenticate', remoteAddress, outcome: 'denied' });
    throw error;
  }
}

/** Gives every client all scopes. Used if no credentials are configured, on a loopback address only (SEC-5). */
export function openAuthenticator(): Authenticator {
  return {
    required: false,
    anonymous: ANONYMOUS,
    authenticate: () =>
      Promise.reject(
        new ProtocolError(
          'unauthenticated',
          'This gateway has no credentials configured; connect without a credential.',
        ),
      ),
    onRevoked: () => undefined,
    close: () => Promise.resolve(),
  };
}
