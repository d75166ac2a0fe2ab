/** Conditions on an event, beyond the filters of a gateway. */
import { valuesAt } from '../replay/pointer.ts';

/** A member of the event that must have a given value. */
export interface Condition {
  /** RFC 6901, from the top of the event: `/payload/status`. */
  readonly pointer: string;
  /** A string, or any other value as JSON. */
  readonly value: string;
}

export function meetsAll(event: object, conditions: readonly Condition[]): boolean {
  return conditions.every(({ pointer, value }) =>
    valuesAt(event, pointer).some((each) => each === value || JSON.stringify(each) === value),
  );
}
