/** Searches everything that a server sends for information that it must not reveal (ERR-2). */

interface Leak {
  readonly what: string;
  readonly pattern: RegExp;
}

const LEAKS: readonly Leak[] = [
  {
    what: 'a stack trace',
    pattern: /(?:^|\\n|\n)\s+at [^\n"]{1,200}:\d+:\d+|Traceback \(most recent call last\)|goroutine \d+ \[/,
  },
  {
    what: 'internals of the run-time',
    pattern: /node:internal\/|ERR_INTERNAL_ASSERTION|\[native code\]|\[object Object\]/,
  },
  {
    what: 'a path of the server',
    pattern:
      /(?:file:\/\/\/|\/node_modules\/|(?:^|[\s"'(=])\/(?:home|root|usr|var|opt|srv|etc|proc|Users)\/[\w.-]+|[A-Z]:\\\\?(?:Users|Windows))/,
  },
];

/** The end of the previous chunk, so that a leak across two chunks is found. */
const OVERLAP = 512;

export class LeakScanner {
  readonly #secrets: readonly string[];
  readonly #found = new Set<string>();
  #tail = '';

  /** @param secrets texts that were sent to the server and that it must not send back */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  push(chunk: Buffer): void {
    const text = this.#tail + chunk.toString('utf8');
    for (const { what, pattern } of LEAKS) {
      const hit = pattern.exec(text)?.[0];
      if (hit !== undefined) this.#found.add(`${what}: ${JSON.stringify(hit.slice(0, 120))}`);
    }
    if (this.#secrets.some((each) => text.includes(each))) this.#found.add('a secret that the client had sent');
    this.#tail = text.slice(-OVERLAP);
  }

  get found(): readonly string[] {
    return [...this.#found];
  }
}
