/**
 * The authenticator of a configured gateway: tokens of its issuers, and its API keys (SEC-1).
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
  /** Defaults are those of a configuration file (docs/guides/secure.md). */
  readonly settings: Pick<AuthSettings, 'issuers'> & Partial<AuthSettings>;
  /** The storage of API keys, if any. */
  readonly storage?: KeyStorage;
  /** Receives the reason why a credential was rejected; the peer does not. */
  readonly onRefused?: (reason: string) => void;
  /** Called once per outage, when the storage cannot be read. */
  readonly onFault?: (error: unknown) => void;
  readonly now?: () => number;
  /** How often the storage is read, in milliseconds. */
  readonly pollMs?: number;
}

function ignore(): void {
  // The host program has no listener.
}

/** @throws {Error} naming the unreadable source, so that a gateway that could authenticate no client does not start */
export async function configuredAuthenticator(options: ConfiguredAuthenticatorOptions): Promise<Authenticator> {
  const { settings, storage, onRefused = ignore, onFault = ignore, now = Date.now, pollMs } = options;
  const tokens = await TokenVerifier.open({ ...DEFAULT_TIMES, ...settings, now });
  const poll = pollMs === undefined ? {} : { pollMs };
  const keys = storage === undefined ? undefined : new KeyRing({ storage, now, onFault, ...poll });
  await keys?.start();
  const identify = async ({ kind, value }: Credential): Promise<Principal> => {
    // Some clients can only send a bearer token; an API key is recognised by its form.
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
        // Clients give up permanently on `unauthenticated`; without this error all would give up while an issuer is unavailable.
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
