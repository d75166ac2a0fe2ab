import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatTape } from './format.ts';
import { TapeError } from './fault.ts';
import { loadTapes } from './library.ts';
import { parseTape } from './parse.ts';
import { showTape } from './show.ts';

const HEADER =
  '{"tape":1,"id":"ping/echo","clauses":["ENV-3"],"level":"must","why":"Pings are answered.","actors":{"alice":{}}}';
const OPEN = '{"as":"alice","open":{}}';
const PONG = '{"as":"alice","recv":{"type":"pong"}}';

const parse = (...lines: readonly string[]): unknown => parseTape(lines.join('\n'), 'tapes/x.ndjson');

describe('a tape', () => {
  test('consists of a header and steps, each with its line number', () => {
    const tape = parseTape([HEADER, '', OPEN, PONG].join('\n'), 'x.ndjson');
    expect(tape.header).toMatchObject({ id: 'ping/echo', level: 'must', stimulus: 'none', needs: [] });
    expect(tape.steps).toEqual([
      { verb: 'open', as: 'alice', line: 3 },
      { verb: 'recv', as: 'alice', pattern: { type: 'pong' }, line: 4 },
    ]);
  });
});

describe('a fault of a tape is reported with file and line:', () => {
  test.each<[string, readonly string[], number, string]>([
    ['an empty file', [''], 1, 'must begin with its header'],
    ['a line that is not JSON', [HEADER, OPEN, 'recv pong'], 3, 'one JSON object'],
    ['another version', [HEADER.replace('"tape":1', '"tape":2')], 1, 'version 1'],
    ['an unknown clause', [HEADER.replace('ENV-3', 'ENV-99'), OPEN, PONG], 1, 'no clause ENV-99'],
    ['no clause', [HEADER.replace('"ENV-3"', ''), OPEN, PONG], 1, 'at least one clause'],
    ['an unknown key in the header', [HEADER.replace('"why"', '"because"'), OPEN, PONG], 1, '"because"'],
    ['an id that is not a path', [HEADER.replace('ping/echo', 'Ping Echo'), OPEN, PONG], 1, '"id"'],
    [
      'an actor with a name that is reserved for the runner',
      [HEADER.replace('alice', 'witness')],
      1,
      'choose another name for the actor',
    ],
    ['no expectation', [HEADER, OPEN], 1, 'would always pass'],
    ['an unknown verb', [HEADER, OPEN, '{"as":"alice","receive":{}}'], 3, 'exactly one of open, send'],
    ['two verbs', [HEADER, OPEN, '{"as":"alice","send":{},"recv":{}}'], 3, 'exactly one of open, send'],
    [
      'a key that the verb does not take',
      [HEADER, OPEN, '{"as":"alice","recv":{},"until":{}}'],
      3,
      'unknown key "until"',
    ],
    ['a missing key of the verb', [HEADER, OPEN, '{"as":"alice","never":{}}'], 3, 'needs "until"'],
    ['an actor that the header does not have', [HEADER, '{"as":"bob","open":{}}', PONG], 2, 'no actor "bob"'],
    ['a step before the connection', [HEADER, PONG, OPEN], 2, '"open" must come first'],
    [
      'a reference to an unbound name',
      [HEADER, OPEN, '{"as":"alice","recv":{"id":{"$ref":"x"}}}'],
      3,
      'no earlier step',
    ],
    ['an unknown matcher', [HEADER, OPEN, '{"as":"alice","recv":{"id":{"$like":"x"}}}'], 3, '$like is not a matcher'],
    [
      'a matcher beside other keys',
      [HEADER, OPEN, '{"as":"alice","recv":{"$any":true,"id":"x"}}'],
      3,
      'must be the only key of its object',
    ],
    [
      'an invalid regular expression',
      [HEADER, OPEN, '{"as":"alice","recv":{"id":{"$re":"("}}}'],
      3,
      'regular expression',
    ],
    [
      'a message that the contract does not have',
      [HEADER, OPEN, '{"as":"alice","recv":{"$schema":"x"}}'],
      3,
      'no message "x"',
    ],
    ['an unknown placeholder', [HEADER, OPEN, '{"as":"alice","recv":{"id":"${run}"}}'], 3, 'not a placeholder'],
    [
      'a "stim" step without "stimulus" in the header',
      [HEADER, OPEN, '{"stim":{"event":"a","payload":{}}}', PONG],
      3,
      '"stimulus"',
    ],
    [
      '"stimulus" in the header without a "stim" step',
      [HEADER.replace('"why"', '"stimulus":"publish","why"'), OPEN, PONG],
      1,
      'no step has "stim"',
    ],
    ['a single branch', [HEADER, OPEN, `{"par":[[${PONG}]]}`], 3, 'at least two branches'],
    ['a fault inside a branch', [HEADER, OPEN, `{"par":[[${PONG}],[{"as":"bob","recv":{}}]]}`], 3, 'no actor "bob"'],
    ['an invalid time limit', [HEADER, OPEN, '{"as":"alice","recv":{},"within":-1}'], 3, '"within"'],
    [
      'invalid hexadecimal digits',
      [HEADER, OPEN, '{"as":"alice","sendFrame":{"opcode":"text","hex":"zz"}}'],
      3,
      'hexadecimal',
    ],
  ])('%s', (_what, lines, line, text) => {
    expect(() => parse(...lines)).toThrow(TapeError);
    expect(() => parse(...lines)).toThrow(new RegExp(`^tapes/x\\.ndjson:${line}: .*`));
    expect(() => parse(...lines)).toThrow(text);
  });
});

describe('the tapes of the suite', () => {
  const tapes = loadTapes();

  test('number at least sixty', () => {
    expect(tapes.length).toBeGreaterThanOrEqual(60);
  });

  test.each(tapes.map((tape) => [tape.header.id, tape] as const))('%s is formatted and can be shown', (id, tape) => {
    const text = readFileSync(tape.file, 'utf8');
    expect(formatTape(text, tape.file)).toBe(text);
    expect(showTape(tape)).toContain(id);
  });
});

test('the formatter orders keys, leaves defaults out and is idempotent', () => {
  const untidy = [
    '{"why":"w","clauses":["ENV-3"],"id":"ping/echo","tape":1,"needs":[],"stimulus":"none","actors":{"alice":{}}}',
    '{"open":{},"as":"alice"}',
    '{"note":"n","fields":{"id":"1"},"within":10,"recv":{"data":{},"type":"pong"},"as":"alice"}',
  ].join('\n');
  const tidy = formatTape(untidy, 'x.ndjson');
  expect(tidy).toBe(
    [
      '{"tape":1,"id":"ping/echo","clauses":["ENV-3"],"level":"must","why":"w","actors":{"alice":{}}}',
      '{"as":"alice","open":{}}',
      '{"as":"alice","recv":{"type":"pong","data":{}},"fields":{"id":"1"},"within":10,"note":"n"}',
      '',
    ].join('\n'),
  );
  expect(formatTape(tidy, 'x.ndjson')).toBe(tidy);
});
