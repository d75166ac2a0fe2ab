/** Converts the errors of a generated validator to the one error that the client receives. */
import type { ErrorCode } from '../../generated/protocol.ts';
import type { ValidationError, Validator } from '../../generated/validators.js';
import { nearest } from '../catalogue/near-miss.ts';
import { ProtocolError } from '../errors.ts';

export interface SchemaErrorOptions {
  /** For each JSON pointer, the error code for an invalid value at this pointer, or within the value at this pointer. */
  readonly codes?: Readonly<Record<string, ErrorCode>>;
  /** The code for all other faults; `invalid_message` by default. */
  readonly fallback?: ErrorCode;
  /** JSON pointer of the validated value in the client's message; '' by default. */
  readonly pointer?: string;
}

function escapePointer(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}

/**
 * The most specific of a validator's errors. For example, an unknown field is more specific than the error of `oneOf` that it causes.
 */
function mostSpecificError(errors: readonly ValidationError[]): ValidationError | undefined {
  return (
    errors.findLast((each) => each.keyword === 'additionalProperties') ??
    errors.find((each) => each.keyword !== 'oneOf') ??
    errors[0]
  );
}

/** Creates an error of the contract from the errors of a validator, with a pointer to the invalid value (ENV-4). */
export function schemaError(errors: readonly ValidationError[], options: SchemaErrorOptions = {}): ProtocolError {
  const { codes = {}, fallback = 'invalid_message', pointer: base = '' } = options;
  const error = mostSpecificError(errors);
  if (error === undefined)
    return new ProtocolError(fallback, 'The message does not match its schema.', { pointer: base });
  const unknown = error.params['additionalProperty'];
  if (error.keyword === 'additionalProperties' && typeof unknown === 'string') {
    const pointer = `${base}${error.instancePath}/${escapePointer(unknown)}`;
    return new ProtocolError(fallback, unknownField(unknown, error.params['known']), { pointer });
  }
  const missing = error.params['missingProperty'];
  const pointer = `${base}${error.instancePath}${typeof missing === 'string' ? `/${escapePointer(missing)}` : ''}`;
  const code =
    Object.entries(codes).find(([start]) => pointer === start || pointer.startsWith(`${start}/`))?.[1] ?? fallback;
  const message =
    typeof missing === 'string'
      ? `${JSON.stringify(missing)} is missing at ${pointer}.`
      : `The value at ${pointer === '' ? 'the top' : pointer} ${wordsOf(error)}.`;
  return new ProtocolError(code, message, { pointer });
}

/** @param known the allowed fields, if the validator lists them */
function unknownField(name: string, known: unknown): string {
  const text = `Unknown field ${JSON.stringify(name.slice(0, 64))}`;
  const fields = Array.isArray(known) ? known.filter((each) => typeof each === 'string') : [];
  if (fields.length === 0) return `${text}; this object may have no fields.`;
  const meant = nearest(name, fields);
  return meant === undefined
    ? `${text}; the fields are ${fields.join(', ')}.`
    : `${text}; did you mean ${JSON.stringify(meant)}?`;
}

function wordsOf({ params, message = 'does not match its schema' }: ValidationError): string {
  const allowed = params['allowedValues'];
  return Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : message;
}

/**
 * Checks the body of a request against its schema.
 * @param codes the `errorPointers` of the operation: for each JSON pointer, the error code for an invalid value there
 * @throws {ProtocolError} `stream_invalid`, `payload_invalid` or `invalid_message`
 */
export function checkRequest(body: unknown, fits: Validator, codes: NonNullable<SchemaErrorOptions['codes']>): void {
  if (fits(body)) return;
  throw schemaError(fits.errors ?? [], { codes });
}
