import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { load } from '../testing/compile.ts';
import { doc, key, literal, quote, union } from './text.ts';

/** Evaluates a JavaScript expression. */
async function valueOf(expression: string): Promise<unknown> {
  return (await load(`export default ${expression};`))['default'];
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\\', "'", '"', '`', '$', '{', '\n', '\r', '\u2028', '\u2029', '*', '/', 'n') }),
);

describe('an emitted text', () => {
  test('is read back unchanged, whatever it contains', async () => {
    const texts = fc.sample(anyText, 2_000);
    expect(await valueOf(`[${texts.map(quote).join(',\n')}]`)).toEqual(texts);
  });

  test('stays within its quotes and its line', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(quote(text)).toMatch(/^'(?:[^'\\\n\r]|\\.)*'$/);
      }),
    );
  });
});

describe('an emitted value', () => {
  test('is read back unchanged, including names of members', async () => {
    const values = fc.sample(fc.jsonValue({ stringUnit: 'binary', maxDepth: 4 }), 1_000);
    const read = await valueOf(`[${values.map(literal).join(',\n')}]`);
    // Compared as text, because this shows that `__proto__` is a member and not the prototype.
    expect(JSON.stringify(read)).toBe(JSON.stringify(values));
  });

  test('omits undefined members, and quotes only names that need it', () => {
    expect(literal({ a: undefined, b: 1, 'c-d': ["it's"] })).toBe(`{ b: 1, 'c-d': ['it\\'s'] }`);
    expect(literal({ a: undefined })).toBe('{}');
    expect(key('ENV-1')).toBe("'ENV-1'");
    expect(key('$ok_1')).toBe('$ok_1');
  });

  test('may have a member named __proto__', async () => {
    const value: unknown = JSON.parse('{"__proto__":{"a":1},"b":2}');
    expect(JSON.stringify(await valueOf(literal(value)))).toBe('{"__proto__":{"a":1},"b":2}');
  });
});

describe('an emitted comment', () => {
  test('cannot be ended by its text', () => {
    const commentLike = fc.string({ unit: fc.constantFrom('*', '/', '\n', ' ', 'a', '*/', '/*', '\\') });
    fc.assert(
      fc.property(commentLike, (text) => {
        const comment = doc(text);
        expect(comment.indexOf('*/')).toBe(comment.length - 2);
      }),
    );
  });
});

describe('an emitted union', () => {
  test('of nothing is never', () => {
    expect(union('None', [], 'None.')).toBe('/** None. */\nexport type None = never;\n');
    expect(union('Some', ['A', 'B'], 'Some.')).toBe('/** Some. */\nexport type Some =\n  | A\n  | B;\n');
  });
});
