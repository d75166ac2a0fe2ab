/** Judgements of changes, each with a severity and a reason, and the findings made from them. */
import type { Direction, Draft, Severity } from './finding.ts';

export interface Judgement {
  readonly severity: Severity;
  readonly reason: string;
  readonly direction?: Direction;
  readonly decided?: false;
}

/** A judgement of a change whose direction is known. */
export type Directed = Judgement & { readonly direction: Direction };

export const breaking = (reason: string, direction?: Direction): Judgement => ({
  severity: 'breaking',
  reason,
  ...(direction === undefined ? {} : { direction }),
});
export const warning = (reason: string): Judgement => ({ severity: 'warning', reason });
export const compatible = (reason: string): Judgement => ({ severity: 'compatible', reason });
export const undecided = (reason: string): Judgement => ({ severity: 'breaking', reason, decided: false });

export interface Entry {
  readonly rule: string;
  readonly path: readonly string[];
  readonly before: unknown;
  readonly after: unknown;
  readonly summary: string;
}

export function entryDraft(
  { rule, path, before, after, summary }: Entry,
  { severity, reason, direction, decided }: Directed,
): Draft {
  const side = (value: unknown): Draft['was'] => ({ path: value === undefined ? path.slice(0, -1) : path, value });
  return {
    rule,
    severity,
    ...(decided === undefined ? {} : { decided }),
    direction,
    was: side(before),
    now: side(after),
    summary,
    reason,
  };
}
