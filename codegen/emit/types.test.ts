import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkContract } from '../contract.ts';
import { emitSources } from '../emit.ts';
import { compile } from '../testing/compile.ts';
import { ODD, shopWith } from '../testing/shop.ts';
import { emitProtocol } from './protocol.ts';
import { emitTypes } from './types.ts';
import { emitValidators } from './validators.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const types = readFileSync(resolve(ROOT, 'generated/types.ts'), 'utf8');

describe('the generated types', () => {
  test('declare nothing twice', () => {
    const names = [...types.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name ?? '');
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    // The suffix that a generator adds to a repeated name.
    expect(names.filter((name) => names.includes(name.replace(/\d+$/, '')) && /\d$/.test(name))).toEqual([]);
  });

  test('use no any', () => {
    expect(types).not.toMatch(/\bany\b(?=[;,)\]>])/);
  });

  test('narrow by type and by data.event without casts, and refuse values that the contract does not declare', async () => {
    expect(await compile({ cwd: resolve(ROOT, 'codegen/fixtures'), files: ['narrowing.ts'] })).toBe('');
  });
});

describe('the types of a contract with odd names and texts', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemark-types-'));
    const contract = checkContract(shopWith(ODD));
    for (const [path, text] of await emitSources(contract))
      if (/^(?:types|protocol|handlers)\.ts$|^validators\.d\.ts$/.test(path))
        await writeFile(join(directory, path), text);
    await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  });
  afterAll(() => rm(directory, { recursive: true }));

  test('compile, and are readonly', async () => {
    const program = `
      import type { OrderPayload, Twig } from './types.ts';
      import { commandValidators } from './validators.js';
      import { LIMITS } from './protocol.ts';
      import type { Handlers } from './handlers.ts';

      declare const order: OrderPayload;
      const odd: 'a\\'b' | 'c"d' | 'e\\\\f' | 'g\\nh' | '[]' | '\`\${x}\`' | '*/' | undefined = order["it's"];
      const number: number | undefined = order['a-b/c~d'];
      const leaf: string | undefined = order.twig?.branch?.twigs?.[0]?.leaf?.tag;
      const fits: boolean = commandValidators.subscribe(order) && LIMITS.eventsPerSubscription.default > 0;
      export const handlers: Handlers<Twig>['subscribe'] = ({ events, replay }) => {
        const position = replay?.mode === 'resume' ? replay.after : { epoch: 'e', sequenceId: 0 };
        return { data: { subscriptionId: events.join(), position, recovery: {} } };
      };
      export default [odd, number, leaf, fits];

      // @ts-expect-error: readonly, in double quotes
      order["it's"] = 'a\\'b';
      // @ts-expect-error: readonly, wrapped to several lines or not
      order.grades[0] = 'a';
      // @ts-expect-error: readonly, an array of arrays
      if (typeof order.mixed === 'object') order.mixed[0]?.push('x');
      // @ts-expect-error: readonly, an array in an array
      if (typeof order.mixed === 'object') order.mixed.push([]);
      // @ts-expect-error: readonly, an array of objects without a name
      order.inline?.pop();
      // @ts-expect-error: readonly, an array of alternatives
      order.inline?.[0]?.past.pop();
      // @ts-expect-error: readonly, an array of constants
      order.one?.pop();
      // @ts-expect-error: readonly, an array by name
      order.byName?.['x']?.pop();
      // @ts-expect-error: text in a description is not a declaration
      import type { Injected } from './types.ts';
    `;
    await writeFile(join(directory, 'program.ts'), program);
    expect(await compile({ cwd: directory, files: ['program.ts'] })).toBe('');
  });

  test('compile when the contract declares no events', async () => {
    const contract = checkContract(shopWith({}));
    const bare = { ...contract, events: [] };
    const cwd = join(directory, 'bare');
    await mkdir(cwd);
    await writeFile(join(cwd, 'protocol.ts'), emitProtocol(bare));
    await writeFile(join(cwd, 'types.ts'), await emitTypes(bare));
    await writeFile(join(cwd, 'validators.d.ts'), emitValidators(bare).types);
    const program = `
      import type { DeclaredEvent, EventMessage } from './types.ts';
      import { payloadValidators } from './validators.js';
      export const none = (event: DeclaredEvent): never => event;
      export const name = ({ data }: EventMessage): string => data.event;
      export const validators: Record<string, never> = payloadValidators;
    `;
    await writeFile(join(cwd, 'program.ts'), program);
    expect(await compile({ cwd, files: ['program.ts', 'protocol.ts'] })).toBe('');
  });
});
