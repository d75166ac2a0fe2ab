/** What this program has published, and publishing what differs. */
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

/** What this program knows to be published, by file. */
export class Publication {
  readonly #client: TidemarkClient;
  #files = new Map<string, SourceGraph>();
  /** The time, by the performance clock, at which the gateway allows another command in the long run. */
  #paidUntil = 0;

  constructor(client: TidemarkClient) {
    this.#client = client;
  }

  /** Replaces everything that is known, by the picture that the gateway keeps. */
  learn(files: Map<string, SourceGraph>): void {
    this.#files = files;
  }

  /** Files of which something is published, below a directory; `''` is the root. */
  filesBelow(directory: string): readonly string[] {
    return [...this.#files.keys()].filter((path) => directory === '' || path.startsWith(`${directory}/`));
  }

  /**
   * Publishes how a file changed. @param cause what led to it, such as a position: the same change for the same cause is published once, also by
   * a second indexer or after a crash
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

  /** Keeps the first scan of a large tree within the rate that the gateway allows; single changes do not wait. */
  async #pace(): Promise<void> {
    const { commandsPerSecond = 50, commandBurst = 100 } = this.#client.welcome?.limits ?? {};
    const spacingMs = 1000 / commandsPerSecond;
    const now = performance.now();
    this.#paidUntil = Math.max(now, this.#paidUntil) + spacingMs;
    // Half of the burst stays free for other commands, and for clocks that differ.
    const aheadMs = this.#paidUntil - now - (commandBurst / 2) * spacingMs;
    if (aheadMs > 0) await sleep(aheadMs);
  }

  /** Repeats a publication, with the same key, until there is an answer. */
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

/** The time to wait before a repetition, in milliseconds; undefined if that is of no use. */
function retryDelay(error: unknown): number | undefined {
  if (error instanceof ConnectionError) return error.reason === 'client_closed' ? undefined : RETRY_MS;
  return error instanceof TidemarkError && error.retryable ? (error.retryAfterMs ?? RETRY_MS) : undefined;
}
