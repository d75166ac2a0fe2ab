/**
 * Reads from the contract what the checks need: the clauses that apply to a message, and the responses of HTTP
 * operations.
 */
import contractJson from '../../generated/contract.json' with { type: 'json' };
import { CLAUSES, HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { ClauseId, HttpOperationName } from '../../generated/protocol.ts';
import { isArray, textAt, textsAt, valueAt } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';

const CONTRACT = contractJson as unknown as Json;

export function isClause(id: string): id is ClauseId {
  return Object.hasOwn(CLAUSES, id);
}

export const CLAUSE_IDS: readonly ClauseId[] = Object.keys(CLAUSES).filter(isClause);

/** The clauses that apply to a message of the contract (`x-requirements`). */
export function clausesOfMessage(name: string): readonly ClauseId[] {
  const message = valueAt(CONTRACT, `/components/messages/${name}`);
  return textsAt(message, 'x-requirements').filter(isClause);
}

/** The clauses that apply to an operation. */
export function clausesOfOperation(name: string): readonly ClauseId[] {
  return textsAt(valueAt(CONTRACT, `/operations/${name}`), 'x-requirements').filter(isClause);
}

function lastOf(reference: string | undefined): string {
  return reference?.slice(reference.lastIndexOf('/') + 1) ?? '';
}

/** Names of the messages with which an HTTP operation may respond. */
function repliesOf(operation: HttpOperationName): readonly string[] {
  const messages = valueAt(CONTRACT, `/operations/${operation}/reply/messages`);
  return isArray(messages) ? messages.map((each) => lastOf(textAt(each, '$ref'))) : [];
}

export interface HttpOperation {
  readonly name: HttpOperationName;
  readonly replies: readonly string[];
  readonly clauses: readonly ClauseId[];
}

/** The operation with this method and path, or undefined if the contract has none. */
export function httpOperation(method: string, path: string): HttpOperation | undefined {
  const [plain] = path.split('?');
  const names = Object.keys(HTTP_OPERATIONS) as HttpOperationName[];
  const name = names.find((each) => HTTP_OPERATIONS[each].method === method && HTTP_OPERATIONS[each].path === plain);
  return name === undefined ? undefined : { name, replies: repliesOf(name), clauses: clausesOfOperation(name) };
}

/** The maximum length of a property of a schema, in characters. @throws {Error} when the contract gives none */
export function maximumLengthOf(schema: string, property: string): number {
  const length = valueAt(CONTRACT, `/components/schemas/${schema}/properties/${property}/maxLength`);
  if (typeof length !== 'number') throw new Error(`${schema}.${property} has no maxLength in the contract.`);
  return length;
}

/** An example of a message in the contract. */
export function exampleOf(message: string): Json {
  return valueAt(CONTRACT, `/components/messages/${message}/examples/0/payload`) ?? {};
}

export interface MessageDescription {
  readonly summary: string;
  readonly examples: readonly Json[];
}

/** The summary and the examples of a message in the contract; undefined if the contract has no message of this name. */
export function describeMessage(message: string): MessageDescription | undefined {
  const found = valueAt(CONTRACT, `/components/messages/${message}`);
  if (found === undefined) return undefined;
  const examples = valueAt(found, '/examples');
  return {
    summary: textAt(found, 'summary') ?? '',
    examples: isArray(examples) ? examples.flatMap((each) => valueAt(each, '/payload') ?? []) : [],
  };
}
