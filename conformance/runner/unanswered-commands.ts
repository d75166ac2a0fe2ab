/**
 * Detects commands that the target never answers. A tape that needs such a command would only wait until it times out,
 * so after a few such time-outs the other tapes are skipped.
 */
import type { Trace } from '../trace/trace.ts';
import { MALFORMED } from '../tape/rank.ts';
import { everAnswered } from './cause.ts';
import type { CheckResult } from './verdict.ts';

/** After this many timeouts, a command counts as never answered if no tape has ever received a reply to it. */
const MISSES = 3;

function nameOf(kind: string): string {
  return kind === MALFORMED ? 'malformed messages' : `\`${kind}\``;
}

export class UnansweredCommands {
  readonly #trace: Trace;
  readonly #misses = new Map<string, number>();
  readonly #unanswered = new Set<string>();
  #blocked = 0;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  note({ cause, verdict }: CheckResult): void {
    const kind = cause?.unanswered;
    if (kind === undefined || verdict === 'PASS') return;
    const misses = (this.#misses.get(kind) ?? 0) + 1;
    this.#misses.set(kind, misses);
    if (misses >= MISSES && !this.#unanswered.has(kind) && !everAnswered(this.#trace, kind)) this.#unanswered.add(kind);
  }

  /** Why a check that needs replies to these commands cannot pass; undefined if it can pass. */
  blocks(kinds: ReadonlySet<string>): string | undefined {
    const kind = [...kinds].find((each) => this.#unanswered.has(each));
    if (kind === undefined) return undefined;
    this.#blocked += 1;
    return `it needs replies to ${nameOf(kind)}, which the server never answers`;
  }

  get titles(): readonly string[] {
    if (this.#unanswered.size === 0) return [];
    return [`the server never answers ${[...this.#unanswered].map(nameOf).join(', ')}`];
  }

  get headlines(): readonly string[] {
    return this.titles.map(
      (title) => `${title}: ${this.#blocked} checks that need these replies were skipped (--keep-going runs them)`,
    );
  }
}
