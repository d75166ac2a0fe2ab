/**
 * The authenticator that a gateway uses if credentials are configured. It accepts tokens of the configured issuers, and API keys (SEC-1).
 *
 * @module tidemark/auth
 */
import { ProtocolError } from '../errors.ts';
import type { Authenticator } from './authenticator.ts';
import type { Credential } from './credential.ts';
import { KeyRing } from './key-ring.ts';
import type { KeyStorage } from './key-ring.ts';
import { NOBODY } from './principal.ts';
import type { Principal } from './principal.ts';
import { DEFAULT_TIMES } from './settings.ts';
import type { AuthSettings } from './settings.ts';
import { KeysUnavailable, TokenVerifier } from './token-verifier.ts';

const KEYS_RETRY_AFTER_MS = 2_000;

export interface ConfiguredAuthenticatorOptions {
  /** The settings. A setting that is left out has the same default as in a configuration file (docs/guides/secure.md). */
  readonly settings: Pick<AuthSettings, 'issuers'> & Partial<AuthSettings>;
  /** The storage of API keys; without it, no API key is accepted. */
  readonly storage?: KeyStorage;
  /** Receives the reason why a credential was rejected. The client does not receive the reason. */
  readonly onRefused?: (reason: string) => void;
  /** Called once per outage of the key storage. */
  readonly onFault?: (error: unknown) => void;
  readonly now?: () => number;
  /** How often the key storage is read, in milliseconds. */
  readonly pollMs?: number;
}

function ignore(): void {
  // Used if the host program passes no listener.
}

/**
 * Creates the authenticator.
 * @throws {Error} if a key or the key storage cannot be read. The gateway then does not start, because it could not authenticate all
 * clients.
 */
export async function configuredAuthenticator(options: ConfiguredAuthenticatorOptions): Promise<Authenticator> {
  const { settings, storage, onRefused = ignore, onFault = ignore, now = Date.now, pollMs } = options;
  const tokens = await TokenVerifier.open({ ...DEFAULT_TIMES, ...settings, now });
  const poll = pollMs === undefined ? {} : { pollMs };
  const keys = storage === undefined ? undefined : new KeyRing({ storage, now, onFault, ...poll });
  await keys?.start();
  const identify = async ({ kind, value }: Credential): Promise<Principal> => {
    // Some clients can send an API key only as a bearer token. An API key is recognised by its prefix `tm_`.
    if (kind === 'bearer' && !value.startsWith('tm_')) return tokens.verify(value);
    if (keys === undefined) throw new Error('no API keys are configured');
    return keys.authenticate(value);
  };
  return {
    required: true,
    anonymous: NOBODY,
    authenticate: async (credential) => {
      try {
        return await identify(credential);
      } catch (error) {
        onRefused(error instanceof Error ? error.message : 'unknown fault');
        // After `unauthenticated`, a client gives up permanently. While the keys of an issuer are unavailable, its clients receive
        // `internal` instead, so that they try again.
        if (error instanceof KeysUnavailable)
          throw new ProtocolError('internal', 'The keys that verify the token cannot be fetched now. Try again.', {
            retryAfterMs: KEYS_RETRY_AFTER_MS,
            cause: error,
          });
        throw new ProtocolError('unauthenticated', 'The credential is invalid, expired or revoked.', {
          cause: error,
        });
      }
    },
    onRevoked: (listener) => keys?.onRevoked(listener),
    close: async () => keys?.close(),
  };
}
