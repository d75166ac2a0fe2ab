import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../errors.ts';
import { parseJson } from './json-guard.ts';

const read = (text: string): unknown => parseJson(text, { maxDepth: 32 });

describe('parseJson', () => {
  test('reads everything that JSON.stringify writes for plain values', () => {
    const value = fc.jsonValue({ maxDepth: 8 }).filter((each) => !JSON.stringify(each).includes('__proto__'));
    fc.assert(
      fc.property(value, (each) => {
        const text = JSON.stringify(each);
        const unsafe = /(?<![\w."])-?\d{16,}/.test(text) || /e\+?\d{2,}/i.test(text) || /\\u[dD][89a-fA-F]/.test(text);
        fc.pre(!unsafe);
        expect(read(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test.each([
    ['a repeated key', '{"a":1,"a":2}', /is repeated/],
    ['a repeated key that is spelt with an escape', '{"a":1,"\\u0061":2}', /is repeated/],
    ['a repeated key after white space before its colon', '{"a":1,"a" \n :2}', /is repeated/],
    ['__proto__ as a key', '{"__proto__":{}}', /__proto__/],
    ['__proto__ spelt with an escape, deep inside', '{"a":[{"\\u005f_proto__":1}]}', /__proto__/],
    ['a lone surrogate', '{"a":"\\ud800"}', /surrogate/],
    ['a number beyond a double', '{"a":1e400}', /too large/],
    ['an integer that would be rounded', '{"a":9007199254740993}', /2\^53/],
    ['too many levels', '['.repeat(33) + ']'.repeat(33), /deeper/],
    ['a million levels', '['.repeat(1_000_000), /deeper/],
    ['an open string', '{"a":"b', /no closing quotation mark/],
    ['an unknown escape in a key', '{"\\x":1}', /escape/],
    ['nothing', '', /not JSON/],
    ['a trailing comma', '{"a":1,}', /not JSON/],
    ['two values', '{} {}', /not JSON/],
    ['a bare minus', '-', /does not allow/],
    ['a NUL byte', '{"a":"\u0000"}', /not JSON/],
  ])('refuses %s', (_what, text, message) => {
    expect(() => read(text)).toThrow(ProtocolError);
    expect(() => read(text)).toThrow(message);
  });

  test('accepts the same key in different objects and as a value', () => {
    expect(read('{"a":{"a":"a"},"b":[{"a":1},{"a":2}],"c":"__proto__"}')).toEqual({
      a: { a: 'a' },
      b: [{ a: 1 }, { a: 2 }],
      c: '__proto__',
    });
  });

  test('accepts whole surrogate pairs and safe integers', () => {
    expect(read('{"a":"\\ud83d\\ude00","b":9007199254740991}')).toEqual({ a: '😀', b: 9007199254740991 });
  });

  test('reads 64 KiB of brackets, quotes and escapes in linear time', () => {
    const text = `["${'\\"'.repeat(30_000)}"]`;
    expect(read(text)).toEqual(['"'.repeat(30_000)]);
  });

  test('never throws anything but a ProtocolError', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', 'u', ':', ',', '1', 'e', '-', '.', 'a', ' '),
          maxLength: 60,
        }),
        (text) => {
          let value: unknown;
          let fault: unknown;
          try {
            value = read(text);
          } catch (error) {
            fault = error;
          }
          expect(fault === undefined || fault instanceof ProtocolError).toBe(true);
          expect(fault === undefined ? JSON.stringify(value) : '').toBe(
            fault === undefined ? JSON.stringify(JSON.parse(text)) : '',
          );
        },
      ),
    );
  });
});
