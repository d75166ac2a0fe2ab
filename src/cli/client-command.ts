/** Code that `wait` and `handoff` share: connects a client, limits the time, and chooses the exit code. */
import type { TidemarkClient } from '../../generated/client.ts';
import { EXIT } from './exit.ts';
import { asCliError, firstConnection, openClient, reportWait } from './remote-client.ts';
import { webSocketUrl } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { printStatus } from './terminal.ts';

export interface TimedOptions extends RemoteOptions {
  /** Time limit in milliseconds. */
  readonly timeout?: number;
}

export interface ConnectOptions extends TimedOptions {
  /** Time limit until the client is connected, in milliseconds. For commands that apply their own time limit afterwards. */
  readonly connectTimeout?: number;
}

/** The abort reason of the command's signal if the time limit has passed. */
class TimedOut extends Error {}

/**
 * Runs a command on a connected client, then closes the client. The exit code is 130 after SIGINT or SIGTERM, and 5 after the time limit.
 * @throws {CliError} for every other failure.
 */
export async function withClient(
  options: ConnectOptions,
  run: (client: TidemarkClient, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const url = webSocketUrl(options.url);
  const client = openClient(url, options);
  reportWait(client);
  const end = new AbortController();
  const interrupted = (): void => end.abort();
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const limit = options.timeout ?? options.connectTimeout;
  const timer = limit === undefined ? undefined : setTimeout(() => end.abort(new TimedOut('Timed out.')), limit);
  try {
    await firstConnection(client, { url, signal: end.signal });
    if (options.timeout === undefined) clearTimeout(timer);
    await run(client, end.signal);
  } catch (error) {
    if (!end.signal.aborted) throw asCliError(error, options);
    const isLate = end.signal.reason instanceof TimedOut;
    if (isLate) printStatus('Timed out.');
    process.exitCode = isLate ? EXIT.unreachable : EXIT.interrupted;
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await client.close();
  }
}
