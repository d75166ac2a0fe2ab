/**
 * Makes `operations.json`, which contains what the try-it form needs to know about operations. The validators are
 * separate compiled JavaScript, which needs no `eval`.
 */
import type { Contract, HttpOperation, Schema } from '../model.ts';
import { resolveSchema } from '../model.ts';
import type { HttpTry, Operations, Tried } from './browser/operations.ts';

export function emitOperations(contract: Contract): string {
  const { subprotocol, path, commands, pushes, events, customEvent, http, messages, errors, closeCodes } = contract;
  const examplesOf = (message: string): Tried['examples'] =>
    (messages[message]?.examples ?? []).map(({ summary, payload }) => ({ summary, message: payload }));
  const following = (pattern: string): Tried['examples'] => [
    { summary: `Subscribe to ${pattern}.`, message: { type: 'subscribe', id: 'c1', data: { events: [pattern] } } },
  ];
  const tried: Operations = {
    subprotocol,
    path,
    webSocket: Object.fromEntries([
      ...commands.map(
        ({ name, requirements }) => [name, { examples: examplesOf(name), clauses: requirements }] as const,
      ),
      ...pushes.map(({ name, requirements }) => [name, { examples: following('*'), clauses: requirements }] as const),
      ...[...events, customEvent].map(
        ({ name, message }) => [message, { examples: following(name), clauses: [] }] as const,
      ),
    ]),
    http: Object.fromEntries(http.map((operation) => [operation.name, httpTry(contract, operation)])),
    events: events.map(({ name }) => name),
    customEvent: customEvent.message,
    errors: Object.fromEntries(Object.entries(errors).map(([name, { advice = '' }]) => [name, advice])),
    closeCodes: Object.fromEntries(
      Object.entries(closeCodes).map(([code, { name, class: family, advice = '' }]) => [
        code,
        { name, family, advice },
      ]),
    ),
  };
  return `${JSON.stringify(tried)}\n`;
}

function httpTry(contract: Contract, { method, path, query, request, replies }: HttpOperation): HttpTry {
  const message = contract.messages[request];
  const hasBody = method !== 'GET';
  return {
    method,
    path,
    query: Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
      name,
      description: descriptionOf(contract, schema),
    })),
    examples: hasBody ? (message?.examples ?? []).map(({ summary, payload }) => ({ summary, message: payload })) : [],
    request: hasBody ? request : undefined,
    replies,
  };
}

function descriptionOf(contract: Contract, schema: Schema): string {
  return resolveSchema(contract, schema).description ?? '';
}
