/** Remembers the endpoints that have confirmed that they want deliveries, so that they are not asked again for each subscription. */

export interface VerifiedEndpointsOptions {
  /** How long an endpoint counts as verified, in milliseconds. */
  readonly lifetimeMs: number;
  /**
   * The maximum number of endpoints that are remembered for each principal. If there are more, the least recently used endpoint is
   * forgotten. It is asked again when it is needed.
   */
  readonly mostPerPrincipal: number;
}

export class VerifiedEndpoints {
  readonly #options: VerifiedEndpointsOptions;
  /** For each principal: the time until which a URL counts as verified, in the order of the last use. */
  readonly #byPrincipal = new Map<string, Map<string, number>>();

  constructor(options: VerifiedEndpointsOptions) {
    this.#options = options;
  }

  /** The number of endpoints that are remembered. */
  get size(): number {
    return [...this.#byPrincipal.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Whether the endpoint counts as verified for this principal. @param now milliseconds since 1970 */
  has(principal: string, url: string, now: number): boolean {
    const own = this.#byPrincipal.get(principal);
    const until = own?.get(url);
    if (own === undefined || until === undefined) return false;
    own.delete(url);
    if (until > now) own.set(url, until);
    return until > now;
  }

  add(principal: string, url: string, now: number): void {
    this.#forgetExpired(now);
    const own = this.#byPrincipal.get(principal) ?? new Map<string, number>();
    own.delete(url);
    own.set(url, now + this.#options.lifetimeMs);
    const [oldest] = own.keys();
    if (own.size > this.#options.mostPerPrincipal && oldest !== undefined) own.delete(oldest);
    this.#byPrincipal.set(principal, own);
  }

  #forgetExpired(now: number): void {
    for (const [principal, own] of this.#byPrincipal) {
      for (const [url, until] of own) if (until <= now) own.delete(url);
      if (own.size === 0) this.#byPrincipal.delete(principal);
    }
  }
}
