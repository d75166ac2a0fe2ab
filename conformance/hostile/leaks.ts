/** Searches everything that a server sends for information that it must not reveal (ERR-2). */

import { leaksIn } from '../invariants/leak.ts';

/** How many bytes of the previous chunk are searched again, so that a leak across two chunks is found. */
const OVERLAP = 512;

export class LeakScanner {
  readonly #secrets: readonly string[];
  readonly #found = new Set<string>();
  #tail = '';

  /** @param secrets texts that the client sent and that the server must not send back */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  push(chunk: Buffer): void {
    const text = this.#tail + chunk.toString('utf8');
    for (const { what, hit } of leaksIn(text)) this.#found.add(`${what}: ${JSON.stringify(hit)}`);
    if (this.#secrets.some((each) => text.includes(each))) this.#found.add('a secret that the client had sent');
    this.#tail = text.slice(-OVERLAP);
  }

  get found(): readonly string[] {
    return [...this.#found];
  }
}
