/**
 * Messages that look like commands but are invalid: the examples in the contract with one fault added. Every generated
 * message, also during shrinking, is checked with the validators, and valid messages are discarded.
 */
import * as fc from 'fast-check';
import contractJson from '../../generated/contract.json' with { type: 'json' };
import { COMMANDS } from '../../generated/protocol.ts';
import { commandValidators } from '../../generated/validators.js';
import { isArray, isObject, member, textAt, valueAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';

/** The examples of commands in the contract, except `authenticate`, because the server counts failed attempts. */
function examples(): readonly JsonObject[] {
  const contract = contractJson as unknown as Json;
  return Object.keys(COMMANDS)
    .filter((name) => name !== 'authenticate')
    .flatMap((name) => {
      const found = valueAt(contract, `/components/messages/${name}/examples`);
      return isArray(found) ? found.map((each) => member(each, 'payload')) : [];
    })
    .filter(isObject);
}

type Path = readonly string[];

/** Lists every path in a message: the path of the message itself, of its members, and of their members. */
function places(value: Json, path: Path = []): readonly Path[] {
  if (!isObject(value)) return [path];
  return [path, ...Object.entries(value).flatMap(([key, each]) => places(each, [...path, key]))];
}

/** Replaces the value at a path of the message; undefined removes the member. */
function put(message: Json, path: Path, value: Json | undefined): Json {
  const [key, ...rest] = path;
  if (key === undefined || !isObject(message)) return value ?? {};
  const { [key]: old, ...others } = message;
  if (rest.length > 0) return { ...message, [key]: put(old ?? null, rest, value) };
  return value === undefined ? others : { ...message, [key]: value };
}

const wrong: fc.Arbitrary<Json> = fc.constantFrom<Json[]>(
  null,
  true,
  -1,
  1.5,
  '',
  'x'.repeat(200),
  [],
  [null],
  {},
  { a: 1 },
);

type Fault = (message: JsonObject, path: Path) => Json;

const faults: fc.Arbitrary<Fault> = fc.oneof(
  fc.constant<Fault>((message, path) => put(message, path, undefined)),
  wrong.map(
    (value): Fault =>
      (message, path) =>
        put(message, path, value),
  ),
  fc.constantFrom('extra', 'event', 'Type', 'sequenceId').map(
    (key): Fault =>
      (message, path) =>
        put(message, [...path, key], 1),
  ),
);

/** Whether a message is a command that is valid by the contract. */
export function isFitting(message: Json): boolean {
  const type = textAt(message, 'type') ?? '';
  const validators: Readonly<Record<string, (value: unknown) => boolean>> = commandValidators;
  return Object.hasOwn(validators, type) && validators[type]?.(message) === true;
}

export function malformedMessages(): fc.Arbitrary<Json> {
  return fc
    .constantFrom(...examples())
    .chain((message) => fc.tuple(fc.constant(message), fc.constantFrom(...places(message).slice(1)), faults))
    .map(([message, path, fault]) => fault(message, path))
    .filter((message) => !isFitting(message));
}
