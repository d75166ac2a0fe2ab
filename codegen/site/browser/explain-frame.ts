/** Checks frames against the contract and explains what is wrong: where, which rule, and how to correct it. */
import type { Operations, Validator, Validators } from './operations.ts';

export interface Verdict {
  readonly name: string;
  readonly faults: readonly Fault[];
}

export interface Fault {
  /** JSON pointer (RFC 6901) to the invalid value; empty for the whole frame. */
  readonly pointer: string;
  readonly rule: string;
  readonly correction: string;
}

export interface Checks {
  readonly operations: Operations;
  readonly validators: Validators;
}

const fault = (pointer: string, rule: string, correction: string): Fault => ({ pointer, rule, correction });

/** Checks a frame that the client sends. `message` in the result is undefined if the frame is not JSON. */
export function explainSent(
  text: string,
  { operations, validators }: Checks,
): Verdict & { readonly message?: unknown } {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      name: 'invalid JSON',
      faults: [fault('', `A frame is one JSON object (ENV-1): ${reason}`, 'Correct the syntax.')],
    };
  }
  const object = isObject(message) ? message : undefined;
  const type = typeof object?.['type'] === 'string' ? object['type'] : undefined;
  if (object === undefined || type === undefined)
    return {
      name: 'no message',
      message,
      faults: [fault('/type', 'A message has a `type` (ENV-1).', 'Add "type" with the name of a command.')],
    };
  const names = Object.keys(validators.commandValidators);
  const fits = Object.hasOwn(validators.commandValidators, type) ? validators.commandValidators[type] : undefined;
  if (fits === undefined)
    return {
      name: type,
      message,
      faults: [fault('/type', `"${type}" is not a command (ENV-2).`, `Use one of ${names.join(', ')}.`)],
    };
  const faults = faultsOf(fits, message);
  return { name: type, message, faults: faults.length > 0 ? faults : payloadFaults(object, operations, validators) };
}

/** Faults of a published payload: the payload of a declared event must match the schema of the event (EVT-3). */
function payloadFaults(
  message: Readonly<Record<string, unknown>>,
  { events }: Operations,
  { payloadValidators }: Validators,
): readonly Fault[] {
  const data = isObject(message['data']) ? message['data'] : {};
  const event = data['event'];
  if (message['type'] !== 'broadcast' || typeof event !== 'string' || !events.includes(event)) return [];
  const fits = payloadValidators[event];
  if (fits === undefined) return [];
  return faultsOf(fits, data['payload']).map((each) => ({ ...each, pointer: `/data/payload${each.pointer}` }));
}

export function explainReceived(message: unknown, { operations, validators }: Checks): Verdict {
  const object = isObject(message) ? message : {};
  const type = typeof object['type'] === 'string' ? object['type'] : 'no type';
  const data = isObject(object['data']) ? object['data'] : {};
  const event = typeof data['event'] === 'string' ? data['event'] : '';
  const name = type === 'event' ? (operations.events.includes(event) ? event : operations.customEvent) : type;
  const fits = Object.hasOwn(validators.serverValidators, name) ? validators.serverValidators[name] : undefined;
  const shown = type === 'event' ? `event ${event}` : type;
  if (fits === undefined)
    return {
      name: shown,
      faults: [
        fault(
          '/type',
          `This contract has no message "${type}". Clients ignore it (ENV-4).`,
          'The gateway may be newer than this page.',
        ),
      ],
    };
  return { name: shown, faults: faultsOf(fits, message) };
}

export function explainBody(name: string, body: unknown, { validators }: Checks): readonly Fault[] {
  const fits = validators.httpValidators[name];
  return fits === undefined ? [] : faultsOf(fits, body);
}

function faultsOf(fits: Validator, value: unknown): readonly Fault[] {
  if (fits(value)) return [];
  return (fits.errors ?? []).slice(0, 5).map(({ instancePath, keyword, params, message }) => {
    const [name, correction] = correctionOf(keyword, params);
    const pointer =
      name === undefined ? instancePath : `${instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return fault(pointer, `${keyword}: ${message ?? 'the value is invalid'}`, correction);
  });
}

type Params = Readonly<Record<string, unknown>>;

const list = (values: unknown): string =>
  Array.isArray(values) ? values.map((each) => JSON.stringify(each)).join(', ') : String(values);

/**
 * Explains how to correct an error of the validator. Returns a member and the correction. The member is set only if the error points to
 * the parent of the invalid member.
 */
function correctionOf(keyword: string, params: Params): readonly [string | undefined, string] {
  switch (keyword) {
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      return [name, `Remove "${name}", or correct its name: the fields are in the table of this page.`];
    }
    case 'required': {
      const name = String(params['missingProperty']);
      return [name, `Add "${name}".`];
    }
    case 'type':
      return [undefined, `Use a value of the type ${list(params['type'])}.`];
    case 'enum':
      return [undefined, `Use one of ${list(params['allowedValues'])}.`];
    case 'const':
      return [undefined, `Use ${JSON.stringify(params['allowedValue'])}.`];
    case 'pattern':
      return [undefined, `Use a value that matches ${String(params['pattern'])}.`];
    case 'minItems':
      return [undefined, `Use at least ${String(params['limit'])} items.`];
    case 'maxItems':
      return [undefined, `Use at most ${String(params['limit'])} items.`];
    case 'minLength':
      return [undefined, `Use at least ${String(params['limit'])} characters.`];
    case 'maxLength':
      return [undefined, `Use at most ${String(params['limit'])} characters.`];
    case 'minimum':
      return [undefined, `Use a number that is at least ${String(params['limit'])}.`];
    case 'maximum':
      return [undefined, `Use a number that is at most ${String(params['limit'])}.`];
    case 'minProperties':
      return [undefined, `Use at least ${String(params['limit'])} members.`];
    case 'maxProperties':
      return [undefined, `Use at most ${String(params['limit'])} members.`];
    case 'exclusiveMinimum':
      return [undefined, `Use a number greater than ${String(params['limit'])}.`];
    case 'exclusiveMaximum':
      return [undefined, `Use a number less than ${String(params['limit'])}.`];
    case 'multipleOf':
      return [undefined, `Use a multiple of ${String(params['multipleOf'])}.`];
    case 'uniqueItems':
      return [undefined, `Remove one of the items ${String(params['j'])} and ${String(params['i'])}, which are equal.`];
    case 'oneOf':
    case 'anyOf':
      return [undefined, 'Use a value of one of the forms in the table of fields.'];
    default:
      return [undefined, 'See the table of fields on this page.'];
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
