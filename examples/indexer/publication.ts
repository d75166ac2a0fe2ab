/** Keeps track of what this program has published, and publishes the differences. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError, TidemarkError } from 'tidemark-client';
import type { TidemarkClient } from 'tidemark-client';
import { changesOf } from './changes.ts';
import type { Body } from './changes.ts';
import { NO_GRAPH } from './source-graph.ts';
import type { SourceGraph } from './source-graph.ts';

/** The label with which this program publishes. Entities of other publishers are left alone. */
export const SOURCE_NAME = 'indexer';
const RETRY_MS = 500;

/** The graphs that this program has published, by file. */
export class Publication {
  readonly #client: TidemarkClient;
  #files = new Map<string, SourceGraph>();
  /**
   * The time, on the clock of `performance.now()`, from which the next command does not exceed the average rate that
   * the gateway allows.
   */
  #paidUntil = 0;

  constructor(client: TidemarkClient) {
    this.#client = client;
  }

  /** Replaces the known graphs by those that the gateway has stored. */
  learn(files: Map<string, SourceGraph>): void {
    this.#files = files;
  }

  /** The published files below a directory; `''` is the root. */
  filesBelow(directory: string): readonly string[] {
    return [...this.#files.keys()].filter((path) => directory === '' || path.startsWith(`${directory}/`));
  }

  /**
   * Publishes how a file changed. @param cause the reason for the change, such as a position. The same change with the
   * same cause is published only once, even by a second indexer or after a crash.
   * @returns the number of published events
   */
  async update(path: string, after: SourceGraph, cause: string): Promise<number> {
    const before = this.#files.get(path) ?? NO_GRAPH;
    const changes = changesOf(before, after);
    for (const change of changes) await this.#publish(change, cause);
    if (after.entities.length === 0) this.#files.delete(path);
    else this.#files.set(path, after);
    return changes.length;
  }

  /** Slows the first scan of a large tree down to the rate that the gateway allows. Single changes do not wait. */
  async #pace(): Promise<void> {
    const { commandsPerSecond = 50, commandBurst = 100 } = this.#client.welcome?.limits ?? {};
    const spacingMs = 1000 / commandsPerSecond;
    const now = performance.now();
    this.#paidUntil = Math.max(now, this.#paidUntil) + spacingMs;
    // Uses only half of the allowed burst. The rest is for other commands, and in case the clocks of client and gateway
    // differ.
    const aheadMs = this.#paidUntil - now - (commandBurst / 2) * spacingMs;
    if (aheadMs > 0) await sleep(aheadMs);
  }

  /** Publishes a change, and retries with the same key until there is a reply. */
  async #publish(change: Body, cause: string): Promise<void> {
    await this.#pace();
    const key = createHash('sha256')
      .update(JSON.stringify([cause, change]))
      .digest('hex');
    for (;;) {
      try {
        await this.#client.broadcast({ ...change, source: SOURCE_NAME, idempotencyKey: key });
        return;
      } catch (error) {
        const waitMs = retryDelay(error);
        if (waitMs === undefined) throw error;
        await sleep(waitMs);
      }
    }
  }
}

/** The delay before a retry, in milliseconds; undefined if a retry cannot succeed. */
function retryDelay(error: unknown): number | undefined {
  if (error instanceof ConnectionError) return error.reason === 'client_closed' ? undefined : RETRY_MS;
  return error instanceof TidemarkError && error.retryable ? (error.retryAfterMs ?? RETRY_MS) : undefined;
}
