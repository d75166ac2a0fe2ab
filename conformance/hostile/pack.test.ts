/** Tests the parts of the pack: rows and their expansion, frames, HTTP responses, leaks. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLAUSES, LIMITS } from '../../generated/protocol.ts';
import { amountOf, bytesOf, casesOf, fill } from './expand.ts';
import { FrameReader, OPCODE, clientFrame, encodeFrame, lengthBitsOf } from './frame.ts';
import { HttpReader } from './http-reader.ts';
import { distribution, worstBetween } from './latency.ts';
import { LeakScanner } from './leaks.ts';
import type { Row } from './row.ts';
import { parseRows, readRows } from './rows.ts';

const limits = Object.fromEntries(Object.entries(LIMITS).map(([name, limit]) => [name, limit.default]));
const setting = { limits, words: { host: 'h:1', path: '/ws', nonce: 'n', fresh: 'f', canary: 'c' } };

describe('the rows', () => {
  const rows = readRows();

  test('are at least two hundred, each with a unique id and a clause of the contract', () => {
    expect(rows.length).toBeGreaterThanOrEqual(200);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    expect(rows.filter(({ clause }) => !Object.hasOwn(CLAUSES, clause))).toEqual([]);
  });

  test('can all be expanded', () => {
    const cases = rows.flatMap(casesOf);
    const filled = cases.map(({ entry, variables }) => fill(entry, variables, setting));
    expect(new Set(filled.map(({ id }) => id)).size).toBe(cases.length);
    expect(filled.filter(({ expect: outcomes }) => outcomes.length === 0)).toEqual([]);
  });

  test.each([
    ['{', 'this line is not JSON'],
    ['{"id":"a/b"}', 'the field clause is missing'],
    ['{"id":"a b","clause":"ERR-2","why":"","send":[],"expect":{"close":1002}}', 'does not have the form area/name'],
    ['{"id":"a/b","clause":"ERR-9","why":"","send":[],"expect":{"close":1002}}', 'no clause ERR-9'],
    ['{"id":"a/b","clause":"ERR-2","why":"","send":[{"say":1}],"expect":{"close":1002}}', 'unknown step'],
    ['{"id":"a/b","clause":"ERR-2","why":"","send":[],"expect":[]}', 'unknown outcome'],
    ['{"id":"a/b","clause":"ERR-2","why":"","send":[],"expect":{"close":1002},"Slow":true}', 'unknown field Slow'],
  ])('are rejected if they are invalid: %s', (line, fault) => {
    expect(() => parseRows(`\n${line}`, 'x.ndjson')).toThrow(`x.ndjson:2: `);
    expect(() => parseRows(line, 'x.ndjson')).toThrow(fault);
  });
});

describe('a computed value', () => {
  const filled = (send: unknown, variables: Readonly<Record<string, unknown>> = {}): unknown => {
    const row = { id: 'a/b', clause: 'ERR-2', why: '', send, expect: { ignored: true } } as unknown as Row;
    const [found] = casesOf(row);
    return found === undefined ? undefined : fill(found.entry, variables, setting).send;
  };

  test('is a text, a list, an object, a number or bytes', () => {
    expect(filled([{ $repeat: ['ab', 3] }])).toEqual(['ababab']);
    expect(filled([{ $list: [1, 2] }])).toEqual([[1, 1]]);
    expect(filled([{ $keys: 2 }])).toEqual([{ k0: 0, k1: 1 }]);
    expect(filled([{ $number: 'limit.jsonDepth+1' }])).toEqual([33]);
    expect(filled([{ $join: ['a', { $hex: 'c080' }, 'b'] }])).toEqual([Buffer.from('61c08062', 'hex')]);
  });

  test('may be a value of the variant or of the run, also inside another value', () => {
    expect(filled([{ $var: 't' }, '{{t}}/{{host}}', { '{{t}}': 1 }], { t: '{{nonce}}x' })).toEqual([
      'nx',
      'nx/h:1',
      { nx: 1 },
    ]);
    expect(() => filled(['{{nobody}}'])).toThrow('{{nobody}} has no value');
    expect(() => filled([{ $var: 'nobody' }])).toThrow('no value nobody');
  });

  test('may contain a key with the name of an inherited property, such as __proto__', () => {
    expect(JSON.stringify(filled([JSON.parse('{"a":1,"__proto__":2}')]))).toBe('[{"a":1,"__proto__":2}]');
  });

  test('may be an amount computed from the limits of the gateway', () => {
    expect(amountOf('limit.jsonDepth*2-4', limits)).toBe(60);
    expect(amountOf('limit.jsonDepth*0.5', limits)).toBe(16);
    expect(() => amountOf('limit.nothing', limits)).toThrow('limit.nothing');
    expect(() => amountOf('many', limits)).toThrow('many');
  });

  test('becomes bytes: a text as UTF-8, any other value as JSON', () => {
    expect(bytesOf('ä').toString('hex')).toBe('c3a4');
    expect(bytesOf({ a: 1 }).toString()).toBe('{"a":1}');
  });
});

describe('a frame', () => {
  const text = { fin: true, rsv: 0, opcode: 1, masked: false, mask: Buffer.alloc(4) } as const;

  function frame(payload: Buffer, changes: object = {}): Buffer {
    const length = BigInt(payload.length);
    return encodeFrame({ ...text, payload, length, lengthBits: lengthBitsOf(length), ...changes });
  }

  test('of a client is masked as in the example of RFC 6455 §5.7', () => {
    expect(clientFrame(OPCODE.text, 'Hello').toString('hex')).toBe('818537fa213d7f9f4d5158');
  });

  test('can be invalid in every part', () => {
    expect(frame(Buffer.from('x'), { rsv: 7, fin: false, opcode: 11 }).toString('hex')).toBe('7b0178');
    expect(frame(Buffer.from('x'), { lengthBits: 16, length: 5n }).toString('hex')).toBe('817e000578');
    expect(frame(Buffer.from('x'), { lengthBits: 64, length: 2n ** 64n - 1n }).toString('hex')).toBe(
      '817fffffffffffffffff78',
    );
  });

  test('of a server is read however its bytes are divided into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 70_000, size: 'max' }), { maxLength: 3 }),
        fc.integer({ min: 1, max: 5000 }),
        (payloads, size) => {
          const reader = new FrameReader();
          const bytes = Buffer.concat(payloads.map((each) => frame(Buffer.from(each))));
          const read = [];
          for (let at = 0; at < bytes.length; at += size) read.push(...reader.push(bytes.subarray(at, at + size)));
          expect(read.map(({ payload }) => payload.toString('hex'))).toEqual(
            payloads.map((each) => Buffer.from(each).toString('hex')),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  test('of a server is joined from its fragments, also if control frames come between them', () => {
    const bytes = [
      frame(Buffer.from('a'), { fin: false }),
      frame(Buffer.from('p'), { opcode: OPCODE.ping }),
      frame(Buffer.from('b'), { opcode: OPCODE.continuation }),
    ];
    expect(new FrameReader().push(Buffer.concat(bytes))).toEqual([
      { opcode: OPCODE.ping, payload: Buffer.from('p') },
      { opcode: OPCODE.text, payload: Buffer.from('ab') },
    ]);
  });

  test.each([
    ['a reserved bit', { rsv: 4 }, 'reserved bit'],
    ['a mask', { masked: true }, 'masked'],
    ['an unknown opcode', { opcode: 5 }, 'opcode 5'],
    ['a fragmented control frame', { opcode: 9, fin: false }, 'control frame'],
  ])('of a server with %s is a fault', (_what, changes, fault) => {
    expect(new FrameReader().push(frame(Buffer.from('x'), changes))[0]?.fault).toContain(fault);
  });
});

describe('an HTTP response', () => {
  function read(text: string, ended = false): readonly (readonly [number, string])[] {
    const reader = new HttpReader();
    reader.push(Buffer.from(text));
    const answers: [number, string][] = [];
    for (let next = reader.next({ ended }); next !== undefined; next = reader.next({ ended }))
      answers.push([next.status, next.body.toString()]);
    return answers;
  }

  test('ends after its Content-Length, after its last chunk, or with the connection', () => {
    expect(read('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n')).toEqual([
      [200, 'ab'],
      [400, ''],
    ]);
    expect(read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n')).toEqual([
      [200, 'abc'],
    ]);
    expect(read('HTTP/1.1 200 OK\r\n\r\nab')).toEqual([]);
    expect(read('HTTP/1.1 200 OK\r\n\r\nab', true)).toEqual([[200, 'ab']]);
  });

  test('leaves the bytes after an upgrade to the frame reader', () => {
    const reader = new HttpReader();
    reader.push(Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nframes'));
    expect(reader.next({ ended: false })?.headers.get('upgrade')).toBe('websocket');
    expect(reader.rest().toString()).toBe('frames');
  });
});

describe('a leak', () => {
  function found(...chunks: readonly string[]): string {
    const scanner = new LeakScanner(['canary-1']);
    for (const chunk of chunks) scanner.push(Buffer.from(chunk));
    return scanner.found.join();
  }

  test.each([
    ['a stack trace', 'TypeError: x\\n    at take (file.ts:3:5)'],
    ['a stack trace', 'Traceback (most recent call last)'],
    ['internals of the run-time', 'at node:internal/url'],
    ['internals of the run-time', 'function Object() { [native code] }1'],
    ['a path of the server', 'ENOENT: "/home/ana/gateway/keys.json"'],
    ['a path of the server', 'file:///srv/gateway/main.js'],
    ['a secret', 'you sent canary-1'],
  ])('is %s in %s', (what, text) => {
    expect(found(text)).toContain(what);
  });

  test('is found across two reads', () => {
    expect(found('you sent cana', 'ry-1')).toContain('a secret');
  });

  test('is not reported for texts that a gateway may send', () => {
    expect(found('{"path":"src/home/index.ts","message":"Look at /docs/errors or /ws/health."}')).toBe('');
  });
});

describe('latencies', () => {
  test('are reported as a distribution, and by the period in which they occurred', () => {
    const samples = Array.from(
      { length: 100 },
      (_each, at) => ({ kind: 'frame', sentAt: at * 10, ms: at + 1 }) as const,
    );
    expect(distribution(samples)).toEqual({ samples: 100, p50Ms: 51, p99Ms: 100, maxMs: 100 });
    expect(distribution([])).toEqual({ samples: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
    expect(worstBetween(samples, 0, 100)).toBe(11);
    expect(worstBetween(samples, 1050, 6000)).toBe(100);
  });
});
