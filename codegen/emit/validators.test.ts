import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Script, createContext } from 'node:vm';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandValidators, serverValidators } from '../../generated/validators.js';
import type { Validator } from '../../generated/validators.js';
import { loadContract } from '../contract.ts';
import { emitSchemas } from './schemas.ts';
import { emitValidators } from './validators.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const { contract } = await loadContract(resolve(ROOT, 'asyncapi.yaml'));
const { code } = emitValidators(contract);

const ajv = new Ajv2020({ strict: false, validateFormats: false });
for (const text of emitSchemas(contract).values()) ajv.addSchema(JSON.parse(text) as object);

/** What is at fault, as pointer and keyword. */
function fault(validate: Validator, value: unknown): string | undefined {
  return validate(value)
    ? undefined
    : `${validate.errors?.[0]?.instancePath ?? ''} ${validate.errors?.[0]?.keyword ?? ''}`;
}

describe('the validators', () => {
  test('need no code at run time, so that a page may forbid it', () => {
    expect(code).not.toMatch(/\brequire\(|\beval\(|new Function/);
    const body = code.replaceAll(/^export (const|default) /gm, '$1 ').replaceAll(/^export \{[^}]*\};$/gm, '');
    const context = createContext({}, { codeGeneration: { strings: false, wasm: false } });
    const run = new Script(`${body}\n;commandValidators.ping({ type: 'ping', data: {} })`);
    expect(run.runInContext(context)).toBe(true);
  });

  test('import nothing', () => {
    expect(readFileSync(resolve(ROOT, 'generated/validators.js'), 'utf8')).not.toMatch(/^\s*import\b/m);
  });

  test('refuse from a client what the contract does not know, and say where', () => {
    const { subscribe, ping } = commandValidators;
    expect(fault(ping, { type: 'ping', data: {} })).toBeUndefined();
    expect(fault(ping, { type: 'ping', data: {}, extra: 1 })).toBe(' additionalProperties');
    expect(
      fault(subscribe, { type: 'subscribe', data: { events: ['*'], replay: { mode: 'none', after: {} } } }),
    ).toMatch(/^\/data\/replay/);
    expect(fault(subscribe, { type: 'subscribe', data: { events: [] } })).toBe('/data/events minItems');
    expect(fault(subscribe, { type: 'subscribe', id: 7, data: { events: ['*'] } })).toBe('/id type');
  });

  test('let a newer server say more', () => {
    const { pong, subscribed } = serverValidators;
    expect(
      fault(pong, { type: 'pong', id: '1', data: { time: '2026-01-01T00:00:00.000Z', colour: 'red' } }),
    ).toBeUndefined();
    const examples = contract.messages['subscribed']?.examples ?? [];
    expect(examples.length).toBeGreaterThan(0);
    for (const { payload } of examples) {
      const { type, data } = payload as { readonly type: string; readonly data: object };
      expect(fault(subscribed, { type, data: { ...data, newer: { nested: [1] } } })).toBeUndefined();
      expect(fault(subscribed, { type, data: { ...data, subscriptionId: 5 } })).toBe('/data/subscriptionId type');
    }
  });
});

type Path = readonly (string | number)[];

/** The paths of all values in a value. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, member]) =>
      pathsOf(member, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

/** A copy with the value at a path replaced, or taken out where it is undefined. */
function withAt(value: unknown, path: Path, replacement: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return replacement;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  const member = withAt(copy[key], rest, replacement);
  if (member !== undefined) copy[key] = member;
  else if (Array.isArray(copy)) copy.splice(Number(key), 1);
  else delete copy[key];
  return copy;
}

const commandExamples = contract.commands.flatMap(({ name }) =>
  (contract.messages[name]?.examples ?? []).map(({ payload }) => ({ name, payload })),
);

describe('what a client sends', () => {
  test('is accepted exactly when its JSON Schema accepts it, however it is bent', () => {
    const bent = fc.constantFrom(...commandExamples).chain(({ name, payload }) =>
      fc.record({
        name: fc.constant(name),
        value: fc
          .tuple(fc.constantFrom(...pathsOf(payload)), fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constant(undefined)))
          .map(([path, replacement]) => withAt(payload, path, replacement)),
      }),
    );
    fc.assert(
      fc.property(bent, ({ name, value }) => {
        const bySchema = ajv.getSchema(`urn:tidemark:${contract.version}:${contract.messages[name]?.schema ?? ''}`)?.(
          value,
        );
        expect(commandValidators[name as keyof typeof commandValidators](value)).toBe(bySchema);
      }),
      { numRuns: 2_000 },
    );
  });
});
