/** Conditions on an event that the filters of a gateway cannot express. */
import { valuesAt } from '../replay/pointer.ts';

/** Requires that a member of the event has a given value. */
export interface Condition {
  /** A JSON pointer (RFC 6901) into the whole event: `/payload/status`. */
  readonly pointer: string;
  /** The required value: a string without quotation marks, or any other value as JSON. */
  readonly value: string;
}

export function meetsAll(event: object, conditions: readonly Condition[]): boolean {
  return conditions.every(({ pointer, value }) =>
    valuesAt(event, pointer).some((each) => each === value || JSON.stringify(each) === value),
  );
}
