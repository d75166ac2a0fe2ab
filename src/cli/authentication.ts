/** Creates the authenticator and the API key storage that the configuration describes. */
import type { Logger } from 'pino';
import type { Authenticator } from '../auth/authenticator.ts';
import { configuredAuthenticator } from '../auth/configured-authenticator.ts';
import { KeyFileStorage } from '../auth/key-file.ts';
import type { KeyStorage } from '../auth/key-ring.ts';
import { RedisKeyStorage } from '../broker/redis/key-storage.ts';
import type { Config } from '../config/config.ts';
import { CliError, EXIT } from './exit.ts';
import { reasonOf } from './reason.ts';

/** The storage of API keys that this configuration selects; undefined if it selects none. */
export function keyStorageOf({ auth, redis }: Pick<Config, 'auth' | 'redis'>): KeyStorage | undefined {
  if (auth?.apiKeys === undefined) return undefined;
  if (auth.apiKeys.kind === 'file') return new KeyFileStorage(auth.apiKeys.path);
  return redis === undefined ? undefined : new RedisKeyStorage({ url: redis });
}

/** Creates the authenticator. @throws {CliError} if a key or a secret cannot be read, because no client could authenticate then */
export async function openAuthentication(config: Config, log: Logger): Promise<Authenticator | undefined> {
  if (config.auth === undefined) return undefined;
  const storage = keyStorageOf(config);
  try {
    return await configuredAuthenticator({
      settings: config.auth,
      ...(storage === undefined ? {} : { storage }),
      onRefused: (reason) => log.info({ reason }, 'a credential was rejected'),
      onFault: (error) => log.warn({ err: error }, 'API keys cannot be read; the last known keys stay valid'),
    });
  } catch (error) {
    await storage?.close();
    throw new CliError(messageOf(error), EXIT.usage, { cause: error });
  }
}

/** The error message, which names the setting. If the error has a cause, such as an error of the operating system, its text is appended. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${reasonOf(error.cause)})`;
}
