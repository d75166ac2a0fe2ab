/** The order in which a run performs its tapes. */
import { rankOf } from '../tape/rank.ts';
import type { Tape } from '../tape/tape.ts';

/**
 * The stages of a run. Tapes with control commands run after all others, and tapes that shut the target down run last.
 */
export type StageOfRun = 'calm' | 'control' | 'shutdown';

export function stageOf({ header }: Tape): StageOfRun {
  if (header.needs.includes('control:shutdown')) return 'shutdown';
  return header.needs.some((each) => each.startsWith('control:')) ? 'control' : 'calm';
}

/**
 * Whether a tape can run again. The effects of some control commands, such as a revoked key, remain after the tape.
 */
export function isRepeatable({ header }: Tape): boolean {
  return !header.needs.some((each) => each === 'control:revoke' || each === 'control:shutdown');
}

/**
 * The place of a tape in the order. Tapes run in the order in which a client uses the parts of the protocol; within a
 * part, the shortest tape runs first.
 */
export function orderOf({ header, steps }: Tape): number {
  return rankOf(header.id) * 1000 + Math.min(steps.length, 999);
}
