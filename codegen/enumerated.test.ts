import { describe, expect, test } from 'vitest';
import { enumeratedFields } from './enumerated.ts';
import type { Schema } from './model.ts';

const LEVELS: Schema = { type: 'string', enum: ['low', 'high'] };
const OPEN: Schema = { type: 'string' };

/** The values of a filter field whose pointers lead into this payload. */
function valuesOf(
  properties: Readonly<Record<string, Schema>>,
  pointers: readonly string[],
  others: Readonly<Record<string, Schema>> = {},
): readonly string[] | undefined {
  const schemas = {
    ...others,
    Data: { type: 'object', properties: { payload: { $ref: '#/components/schemas/Payload' } } },
    Payload: { type: 'object', properties },
  };
  return enumeratedFields(schemas, 'Data', { field: pointers })['field'];
}

describe('the values of a filter field', () => {
  test.each<readonly [string, Schema, readonly string[] | undefined]>([
    ['an enumeration', LEVELS, ['low', 'high']],
    ['a constant', { const: 'only' }, ['only']],
    ['a list of an enumeration', { type: 'array', items: LEVELS }, ['low', 'high']],
    ['one enumeration or another', { oneOf: [LEVELS, { enum: ['worst'] }] }, ['low', 'high', 'worst']],
    ['an enumeration or null', { anyOf: [LEVELS, { type: 'null' }] }, ['low', 'high']],
    ['any string', OPEN, undefined],
    ['an enumeration or any string', { anyOf: [LEVELS, OPEN] }, undefined],
    ['numbers, because a filter value cannot be a number', { enum: [1, 2] }, undefined],
  ])('are those of %s', (_, schema, values) => {
    expect(valuesOf({ level: schema }, ['/payload/level'])).toEqual(values);
  });

  test('are the values at all of its pointers, if the values at every pointer are enumerated', () => {
    const properties = { level: LEVELS, before: { enum: ['none'] }, note: OPEN };
    expect(valuesOf(properties, ['/payload/level', '/payload/before'])).toEqual(['low', 'high', 'none']);
    expect(valuesOf(properties, ['/payload/level', '/payload/note'])).toBeUndefined();
    expect(valuesOf(properties, ['/payload/absent'])).toBeUndefined();
  });

  test('are found in lists of objects and behind circular references', () => {
    const steps: Schema = { type: 'array', items: { type: 'object', properties: { level: LEVELS } } };
    expect(valuesOf({ steps }, ['/payload/steps/level'])).toEqual(['low', 'high']);
    const Tree: Schema = { oneOf: [LEVELS, { type: 'array', items: { $ref: '#/components/schemas/Tree' } }] };
    const tree: Schema = { $ref: '#/components/schemas/Tree' };
    expect(valuesOf({ tree }, ['/payload/tree'], { Tree })).toEqual(['low', 'high']);
  });
});
