/**
 * A session of agents: publishes this agent's steps, and reads the steps of all agents in one order.
 *
 * A session is a stream, `session:{id}`. Every agent reads the same log from the beginning, at any time and through any
 * gateway. The state of the work can be computed from the log alone (work.ts), so a handoff needs to contain only the
 * name of the next agent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError, createClient, isGap, TidemarkError } from 'tidemark-client';
import type { TidemarkClient } from 'tidemark-client';
import type { SessionEventPayload } from 'tidemark-client/types';

export type LoggedStep = SessionEventPayload;
export type Step = LoggedStep['sessionEvent'];
/** The members of a step, without the agent that publishes it. */
export type Facts = Omit<LoggedStep, 'sessionId' | 'sessionEvent' | 'actor'>;

export interface SessionOptions {
  /** A gateway, for example `ws://127.0.0.1:7400/ws`. */
  readonly url: string;
  readonly id: string;
  /** The name of this agent. */
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
   * Publishes one step. Retries until there is a reply, on new connections if necessary. The idempotency key ensures
   * that the step is published only once.
   * @throws {TidemarkError} when the gateway rejects the step and a retry cannot succeed, for example because of a
   * missing scope.
   */
  async publish(step: Step, facts: Facts = {}): Promise<void> {
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
   * Yields all earlier steps, then new ones. Leaving the loop ends the subscription.
   * @throws {Error} when a part of the log is lost. An agent that continued without this part might do work twice, or
   * not at all.
   */
  async *log(): AsyncGenerator<LoggedStep, void> {
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

/** The delay before a retry, in milliseconds. Throws errors that a retry cannot fix. */
function pauseBeforeRepeating(error: unknown): number {
  if (error instanceof TidemarkError && error.retryable) return error.retryAfterMs ?? 500;
  if (error instanceof ConnectionError && error.retryable) return 0;
  throw error;
}
