/** Checks the severity `compatible` with a validator: every value of the sender's version is valid in the receiver's version. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FORMATS } from '../emit/formats.ts';
import { tolerant } from '../testing/json-schemas.ts';
import { judge } from './finding.ts';
import type { Use } from './finding.ts';
import { SchemaDocument } from './schema-document.ts';
import { SchemaRelation } from './schema-relation.ts';
import { schemaPairs, values } from './testing/schemas.ts';
import type { Schema } from './testing/schemas.ts';

type Direction = Use['direction'];

function isCompatible([before, after]: readonly [Schema, Schema], direction: Direction): boolean {
  const documentOf = (schema: Schema): SchemaDocument =>
    new SchemaDocument({ components: { schemas: { Probe: schema } } });
  const [was, now] = [documentOf(before), documentOf(after)];
  const path = ['components', 'schemas', 'Probe'];
  const changes = new SchemaRelation(was, now).relate({ schema: before, path }, { schema: after, path });
  return changes.every((change) => judge(change, { by: 'probe', direction }).severity !== 'breaking');
}

const ajv = new Ajv2020({ formats: FORMATS, strict: false, logger: false });

function validatorOf(schema: object): ((value: unknown) => boolean) | undefined {
  try {
    const validate = ajv.compile(schema);
    return (value) => validate(value);
  } catch {
    return undefined;
  }
}

const DIRECTIONS: readonly Direction[] = ['client-to-server', 'server-to-client'];
const RUNS = 300;
/** How many values are tried with each pair of schemas. */
const TRIES = 40;

describe('schema changes that are reported as compatible', () => {
  test.each(DIRECTIONS)('accept in the receiver every value that the sender may send, %s', (direction) => {
    let compatible = 0;
    let tried = 0;
    fc.assert(
      fc.property(schemaPairs, fc.array(values, { minLength: TRIES, maxLength: TRIES }), (pair, candidates) => {
        const [before, after] = pair;
        const isSent = direction === 'client-to-server';
        const sender = validatorOf(isSent ? before : after);
        const receiver = validatorOf(isSent ? after : tolerant(before));
        fc.pre(sender !== undefined && receiver !== undefined);
        if (!isCompatible(pair, direction)) return;
        compatible += 1;
        for (const value of candidates) {
          if (!sender(value)) continue;
          tried += 1;
          if (!receiver(value)) throw new Error(`${JSON.stringify(value)} is valid in the sender's version only`);
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    // Ensures that the test really checked compatible pairs: without any, it would always pass.
    expect(compatible).toBeGreaterThan(RUNS / 20);
    expect(tried).toBeGreaterThan(RUNS / 4);
  });

  test('still accept every tried value that the old schema accepted', () => {
    let found = 0;
    fc.assert(
      fc.property(schemaPairs, fc.array(values, { minLength: TRIES, maxLength: TRIES }), (pair, candidates) => {
        const [before, after] = pair.map(validatorOf);
        fc.pre(before !== undefined && after !== undefined);
        const witness = candidates.find((value) => before(value) && !after(value));
        if (witness === undefined) return;
        found += 1;
        if (isCompatible(pair, 'client-to-server')) throw new Error(`${JSON.stringify(witness)} is refused now`);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(found).toBeGreaterThan(RUNS / 20);
  });
});
