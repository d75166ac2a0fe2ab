/** Compares values that are not messages with what a tape expects: responses, closes and subprotocols. */
import type { Json } from '../trace/json.ts';
import { match } from '../tape/matcher.ts';
import { StepFailed } from './tape-state.ts';
import type { TapeState } from './tape-state.ts';
import type { Cause } from './verdict.ts';

export interface Judgement {
  readonly state: TapeState;
  readonly line: number;
  readonly text: string;
  readonly cause?: Cause;
  readonly bind?: string;
  /** Set if the step has waited for the value until its time limit. */
  readonly late?: true;
}

/** @throws {StepFailed} when the value does not match the pattern */
export function judgeValue(pattern: Json, value: Json, { state, line, text, bind, cause, late }: Judgement): void {
  const { differences, bindings } = match(pattern, value, state.bindings);
  if (differences.length > 0) {
    const frame = state.context.trace.frames.length;
    const nearestFrame = { frame, value, differences };
    const failure = { text, line, expected: pattern, nearest: nearestFrame, frames: [frame] };
    throw new StepFailed(late === undefined ? failure : { ...failure, late }, cause);
  }
  keep(bindings, state);
  if (bind !== undefined) state.bindings.set(bind, value);
  state.judged += 1;
}

/** Makes the values that a match has bound available to later steps. */
export function keep(bindings: ReadonlyMap<string, Json>, state: TapeState): void {
  for (const [name, value] of bindings) state.bindings.set(name, value);
}
