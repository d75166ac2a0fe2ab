/**
 * An agent's end of a session: what it says, and what everybody said, in one order.
 *
 * A session is a stream, `session:{id}`. Every agent reads the same log from its beginning, whenever it comes and through
 * whichever gateway. So what is known of the work follows from the log alone (work.ts), and a handoff passes nothing on but a name.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError, createClient, isGap, TidemarkError } from 'tidemark-client';
import type { TidemarkClient } from 'tidemark-client';
import type { SessionEventPayload } from 'tidemark-client/types';

export type Said = SessionEventPayload;
export type Step = Said['sessionEvent'];
/** What belongs to a step beside who took it. */
export type Facts = Omit<Said, 'sessionId' | 'sessionEvent' | 'actor'>;

export interface SessionOptions {
  /** A gateway, for example `ws://127.0.0.1:7400/ws`. */
  readonly url: string;
  readonly id: string;
  /** Who speaks. */
  readonly actor: string;
}

export class Session {
  readonly actor: string;
  readonly #id: string;
  readonly #client: TidemarkClient;

  constructor({ url, id, actor }: SessionOptions) {
    this.actor = actor;
    this.#id = id;
    this.#client = createClient({ url });
  }

  get #stream(): string {
    return `session:${this.#id}`;
  }

  /**
   * Says one step. Repeated until it is answered, over any number of connections; the key makes sure that it is published once.
   * @throws {TidemarkError} when the gateway refuses it for good, for example for a missing scope.
   */
  async say(step: Step, facts: Facts = {}): Promise<void> {
    const event = {
      stream: this.#stream,
      event: 'session_event',
      payload: { ...facts, sessionId: this.#id, sessionEvent: step, actor: this.actor },
      idempotencyKey: crypto.randomUUID(),
    } as const;
    for (;;) {
      try {
        await this.#client.broadcast(event);
        return;
      } catch (error) {
        await sleep(pauseBeforeRepeating(error));
      }
    }
  }

  /**
   * Everything said so far, then everything to come. Leaving the loop ends it.
   * @throws {Error} when a part of the log is lost: who acts on the rest may do work twice, or never.
   */
  async *log(): AsyncGenerator<Said, void> {
    const log = this.#client.subscribe({ stream: this.#stream, events: ['session_event'], gaps: 'inline' });
    const { truncated } = await log.caughtUp;
    if (truncated) throw new Error(`The beginning of the session ${this.#id} is no longer kept.`);
    for await (const item of log) {
      if (isGap(item)) throw new Error(`A part of the session ${this.#id} is lost (${item.reason}).`);
      yield item.payload;
    }
  }

  async leave(): Promise<void> {
    await this.#client.close();
  }
}

/** In milliseconds. Throws what does not get better by waiting. */
function pauseBeforeRepeating(error: unknown): number {
  if (error instanceof TidemarkError && error.retryable) return error.retryAfterMs ?? 500;
  if (error instanceof ConnectionError && error.retryable) return 0;
  throw error;
}
