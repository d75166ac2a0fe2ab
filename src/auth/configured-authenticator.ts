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
  /** What is left out holds as in a configuration file (docs/guides/secure.md). */
  readonly settings: Pick<AuthSettings, 'issuers'> & Partial<AuthSettings>;
  /** Where API keys are, if there are any. */
  readonly storage?: KeyStorage;
  /** Takes why a credential was refused; the peer is not told. */
  readonly onRefused?: (reason: string) => void;
  /** Takes a storage that cannot be read, once per outage. */
  readonly onFault?: (error: unknown) => void;
  readonly now?: () => number;
  /** How often the storage is looked at, in milliseconds. */
  readonly pollMs?: number;
}

function ignore(): void {
  // The host program did not ask.
}

/** @throws {Error} naming what cannot be read: a gateway that would let nobody in does not start. */
export async function configuredAuthenticator(options: ConfiguredAuthenticatorOptions): Promise<Authenticator> {
  const { settings, storage, onRefused = ignore, onFault = ignore, now = Date.now, pollMs } = options;
  const tokens = await TokenVerifier.open({ ...DEFAULT_TIMES, ...settings, now });
  const poll = pollMs === undefined ? {} : { pollMs };
  const keys = storage === undefined ? undefined : new KeyRing({ storage, now, onFault, ...poll });
  await keys?.start();
  const identify = async ({ kind, value }: Credential): Promise<Principal> => {
    // Some clients can only send a bearer; a key is told by its shape.
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
        // A client that hears `unauthenticated` gives up for good; all of them would, while an issuer is away.
        if (error instanceof KeysUnavailable)
          throw new ProtocolError(
            'internal',
            'The keys that tell whether the token is right cannot be fetched just now; try again.',
            {
              retryAfterMs: KEYS_RETRY_AFTER_MS,
              cause: error,
            },
          );
        throw new ProtocolError('unauthenticated', 'The credential does not count here: wrong, expired or revoked.', {
          cause: error,
        });
      }
    },
    onRevoked: (listener) => keys?.onRevoked(listener),
    close: async () => keys?.close(),
  };
}
