import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseContract } from './contract.ts';
import { checkExtensions } from './extensions.ts';
import { lint } from './rules.ts';
import { ContractError, sourceOf } from './source.ts';
import type { Source } from './source.ts';
import { pathsOf, withAt } from './testing/mutations.ts';
import { SHOP, shopWith } from './testing/shop.ts';

describe('findings', () => {
  const findingsIn = async (text: string): Promise<readonly string[]> => {
    try {
      await parseContract(sourceOf('shop.yaml', text));
    } catch (error) {
      if (error instanceof ContractError) return error.message.split('\n');
      throw error;
    }
    return [];
  };
  const lineOf = (fragment: string): number => SHOP.slice(0, SHOP.indexOf(fragment)).split('\n').length;

  test('name file, line, rule, pointer and remedy', async () => {
    const limit = 'eventsPerSubscription: { default: 32';
    expect(await findingsIn(SHOP.replace(limit, 'eventsPerSubscription: { default: 0'))).toEqual([
      `shop.yaml:${lineOf(limit)} limit /x-limits/eventsPerSubscription/default: is 0, which is outside the range 1–1024. Correct the default or the range.`,
    ]);
  });

  test('name the line of a value that a merge key copies', async () => {
    const source = sourceOf('shop.yaml', SHOP);
    expect(source.lineOf(['components', 'schemas', 'CustomEvent', 'properties', 'sequenceId'])).toBe(
      lineOf('        sequenceId: { $ref:'),
    );
  });

  test('name the line of broken YAML and of a repeated key', async () => {
    expect(() => sourceOf('shop.yaml', 'a: 1\nb: [')).toThrow(/^shop\.yaml:2 yaml /);
    expect(() => sourceOf('shop.yaml', 'a: 1\nb: 2\na: 3')).toThrow(/^shop\.yaml:3 yaml .*unique/);
  });

  test('report a fault at its line, and not its consequences', async () => {
    const tag = 'tag: { type: strin';
    expect(await findingsIn(SHOP.replace(`${tag}g`, tag))).toEqual([
      expect.stringMatching(`^shop\\.yaml:${lineOf(tag)} shape \\S+/tag/type: is "strin". Use one of array, boolean, `),
    ]);
    expect(await findingsIn(SHOP.replace('    action: send\n', '    acton: send\n'))).toEqual([
      `shop.yaml:${lineOf('    action: send')} shape /operations/welcome/acton: is unknown, and action is missing. Rename it to action.`,
    ]);
  });

  test('list the fault first, and its possible consequences last', async () => {
    const wrong = SHOP.replace('      welcome: { $ref: ', '      welcome: { $ref: x');
    const rules = (await findingsIn(wrong)).map((line) => line.split(' ').slice(0, 2));
    expect(rules[0]).toEqual([`shop.yaml:${lineOf('      welcome: { $ref: ')}`, 'operation-message']);
    expect(rules.at(-1)?.[1]).toBe('message-used');
  });

  test('consist of one finding for another version of AsyncAPI, or for a file that is not AsyncAPI', async () => {
    expect(await findingsIn(SHOP.replace('asyncapi: 3.0.0', 'asyncapi: 2.6.0'))).toEqual([
      `shop.yaml:${lineOf('asyncapi:')} asyncapi /asyncapi: this is AsyncAPI 2.6.0; 3.0.0 or 3.1.0 is required. Convert the contract.`,
    ]);
    const no = expect.stringMatching(/^shop\.yaml:1 asyncapi \(top\): is not an AsyncAPI document\. Begin it with/);
    for (const text of ['', '[]', 'openapi: 3.1.0', 'just words']) expect(await findingsIn(text)).toEqual([no]);
    expect(await findingsIn('asyncapi: 3.0.0')).toEqual([
      expect.stringMatching(/^shop\.yaml:1 shape \(top\): lacks info, channels, operations, .*\. Add them\.$/),
    ]);
  });

  test('include the findings of the AsyncAPI parser: one per place, and of nested places only the innermost', async () => {
    // A channel and two operations refer to this message.
    expect(await findingsIn(shopWith({ [`/components/messages/welcome/colour`]: 'red' }).text)).toEqual([
      expect.stringMatching(`^shop\\.yaml:\\d+ asyncapi\\S* /components/messages/welcome/colour: .*not expected`),
    ]);
  });

  test('are listed up to a limit, with the number of the others', async () => {
    const lines = await findingsIn(SHOP.replaceAll('type: string', 'type: strin'));
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toMatch(/^… and \d+ more\.$/);
  });
});

describe('a contract with a part of it replaced', () => {
  const shop = sourceOf('shop.yaml', SHOP).value;
  const parts = pathsOf(shop).filter((path) => path.length > 0);

  test('is accepted or refused with findings, and never makes a rule throw', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...parts),
        fc.constantFrom<unknown>(null, 'text', 5, true, [], {}, [null], { a: null }, undefined),
        (path, part) => {
          const value = withAt(shop, path, part);
          const source: Source = { file: 'shop.yaml', text: '', value, lineOf: () => 1 };
          const findings = checkExtensions(source);
          for (const { text } of findings.length > 0 ? findings : lint(source)) expect(text).not.toContain('[object');
        },
      ),
      {
        numRuns: 150,
        examples: [
          [['components', 'schemas', 'GapReason', 'enum', 0], { a: null }],
          [['components', 'schemas', 'MessageId', 'x-volatile'], { a: null }],
        ],
      },
    );
  });
});
