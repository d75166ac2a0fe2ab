/**
 * Sends a response no faster than its client reads it. The queue of the MCP library has no limit. Therefore a sender must wait with {@link
 * ResponsePace.taken} until the client has read everything that was sent. Reports a client that reads nothing for too long.
 */

/** How long a client may read nothing while data waits for it, in milliseconds. */
const STALL_MS = 60_000;

export interface PaceOptions {
  /** Called when the client has read nothing for `stallMs` although data waits for it. */
  readonly onStall: () => void;
  /** Called once, when the body has ended or the client has disconnected. */
  readonly onEnd: () => void;
  /** How long a client may read nothing while data waits for it, in milliseconds; default 60,000. */
  readonly stallMs?: number;
}

export class ResponsePace {
  readonly #options: PaceOptions;
  /** Whether the client has read everything and waits for more. */
  #isIdle = false;
  #hasEnded = false;
  #changed = Promise.withResolvers<void>();
  #stall: NodeJS.Timeout | undefined;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Resolves when the client has read everything that was sent, or has disconnected. */
  async taken(): Promise<void> {
    // If the client is waiting for data, it takes the data that was just sent before this turn of the event loop ends.
    await new Promise(setImmediate);
    while (!this.#isIdle && !this.#hasEnded) await this.#changed.promise;
  }

  /** Returns the same response with a body that is read only as fast as the client reads it. */
  follow({ body, status, statusText, headers }: Response): Response {
    const paced = body === null ? null : this.#paced(body.getReader());
    if (paced === null) this.#end();
    return new Response(paced, { status, statusText, headers });
  }

  #paced(reader: ReadableStreamDefaultReader<Uint8Array>): ReadableStream<Uint8Array> {
    this.#wait();
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const next = reader.read();
          this.#rest();
          const { done, value } = await next.catch(() => ({ done: true, value: undefined }) as const);
          if (!done) {
            this.#wait();
            return controller.enqueue(value);
          }
          this.#end();
          return controller.close();
        },
        cancel: async (reason) => {
          this.#end();
          await reader.cancel(reason);
        },
      },
      { highWaterMark: 0 },
    );
  }

  #rest(): void {
    this.#isIdle = true;
    clearTimeout(this.#stall);
    this.#notify();
  }

  #wait(): void {
    this.#isIdle = false;
    clearTimeout(this.#stall);
    this.#stall = setTimeout(this.#options.onStall, this.#options.stallMs ?? STALL_MS).unref();
  }

  #end(): void {
    clearTimeout(this.#stall);
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#options.onEnd();
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
