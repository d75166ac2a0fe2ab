/** Connects the client of a command that subscribes, reports its state to the user, and converts its errors to errors of the command. */
import { createClient, ConnectionError, SubscriptionError, TidemarkError } from '../../generated/client.ts';
import type { TidemarkClient } from '../../generated/client.ts';
import { CliError, EXIT } from './exit.ts';
import { connectionFailureText } from './handshake.ts';
import { reasonOf } from './reason.ts';
import { CREDENTIAL_HINT, exitCodeOf, refusalText, secretOf, unreachable } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { plain, plainMessage, printStatus, tint } from './terminal.ts';

/** Why the gateway cannot complete a subscription at the moment; undefined if there is no obstacle. */
export interface Wait {
  reason: string | undefined;
}

/**
 * Reports why a subscription has to wait. Otherwise the command would seem to hang while the client retries. Each wait is reported once.
 * The returned object contains the newest reason.
 */
export function reportWait(client: TidemarkClient): Wait {
  const wait: Wait = { reason: undefined };
  client.on('postponed', ({ error }) => {
    const reason = plainMessage(`the gateway: ${error.code}: ${error.message}`).replace(/\.$/, '');
    if (wait.reason === undefined) printStatus(tint('yellow', `waiting for ${reason}`));
    wait.reason = reason;
  });
  client.on('resumed', () => (wait.reason = undefined));
  return wait;
}

export function openClient(url: string, options: RemoteOptions): TidemarkClient {
  try {
    return createClient({ url, ...secretOf(options) });
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`--url ${options.url} cannot be used: ${reasonOf(error)}`, EXIT.usage, { cause: error });
  }
}

/** The close code of a WebSocket that was never open (RFC 6455 §7.1.5). */
const NO_HANDSHAKE = 1006;

/**
 * Waits for the first connection. If the first attempt fails, the address is probably wrong, so the command fails. After later disconnects,
 * the client reconnects.
 */
export async function firstConnection(
  client: TidemarkClient,
  { url, signal }: { readonly url: string; readonly signal: AbortSignal },
): Promise<void> {
  let failure: string | undefined;
  const offError = client.on('error', (error) => (failure = plainMessage(reasonOf(error))));
  const offClosed = client.on('closed', ({ code, reason }) => {
    if (code !== NO_HANDSHAKE) failure ??= plain(`it closed the connection, ${code} ${reason}`.trim());
  });
  const failed = new Promise<never>((_resolve, reject) => {
    client.on('reconnecting', () => {
      void Promise.resolve(failure ?? connectionFailureText(url)).then((why) => reject(unreachable(url, why)));
    });
    signal.addEventListener('abort', () => reject(new Error('interrupted')), { once: true });
  });
  await Promise.race([client.connect(), failed]);
  offError();
  offClosed();
  client.on('closed', ({ code, reason, willReconnect }) => {
    if (willReconnect)
      printStatus(tint('yellow', `connection lost (${code}${reason === '' ? '' : ` ${plain(reason)}`}), reconnecting`));
  });
  client.on('resumed', ({ recovery }) => {
    if (recovery.attempted && recovery.recovered) printStatus(tint('green', 'reconnected, no events missed'));
  });
}

export function asCliError(error: unknown, options: RemoteOptions): unknown {
  if (error instanceof TidemarkError) return new CliError(refusalText(error, options), exitCodeOf(error.code));
  if (error instanceof SubscriptionError)
    return new CliError(plainMessage(error.message), error.reason === 'forbidden' ? EXIT.auth : EXIT.runtime);
  if (error instanceof ConnectionError) {
    const { cause, reason, closeClass, closeCode } = error;
    if (cause instanceof TidemarkError) return asCliError(cause, options);
    if (reason !== 'refused' || closeClass === undefined) return unreachable(options.url, reasonOf(error), error);
    const text =
      closeClass === 'refresh'
        ? `The credential is no longer accepted (${closeCode}). ${CREDENTIAL_HINT}`
        : plainMessage(error.message);
    return new CliError(text, EXIT.auth);
  }
  return error;
}
