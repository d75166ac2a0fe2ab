/**
 * Keeps the suite within the rate that the target allows (`limits.commandsPerSecond`, `limits.commandBurst`), because a
 * rate limit error would hide what the check tests. Malformed messages are sent without waiting.
 */
/** The share of the allowed rate that the suite uses. Not all, because the server's clock may differ from ours. */
const MARGIN = 0.9;

export class RateAllowance {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  #tokens: number;
  #at: number;

  constructor(limits: { readonly commandsPerSecond: number; readonly commandBurst: number }, now: () => number) {
    this.#perSecond = limits.commandsPerSecond * MARGIN;
    this.#burst = limits.commandBurst * MARGIN;
    this.#now = now;
    this.#tokens = this.#burst;
    this.#at = now();
  }

  #refill(): void {
    const now = this.#now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
  }

  /** Takes one command from the allowance. @returns how long to wait before it may be sent, in milliseconds. */
  take(): number {
    this.#refill();
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond) * 1000;
  }
}
