import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../generated/protocol.ts';
import { judge } from './judge.ts';
import type { Observation } from './judge.ts';
import type { Outcome } from './row.ts';
import type { Message } from './wire.ts';

const limits = Object.fromEntries(Object.entries(LIMITS).map(([name, limit]) => [name, limit.default]));

const quiet: Observation = {
  answers: [],
  messages: [],
  close: undefined,
  ending: 'open',
  gone: false,
  alive: true,
  subscriptions: 0,
  faults: [],
  leaks: [],
};

function error(code: string, pointer?: string): Message {
  return {
    type: 'error',
    data: { code, message: 'no', retryable: false, ...(pointer === undefined ? {} : { pointer }) },
  };
}

function verdict(expected: Outcome | readonly Outcome[], seen: Partial<Observation>): readonly string[] {
  const outcomes = Array.isArray(expected) ? (expected as readonly Outcome[]) : [expected as Outcome];
  const entry = { id: 'a/b', clause: 'ERR-2', why: '', send: [], expect: outcomes } as const;
  return judge(entry, { ...quiet, ...seen }, limits);
}

function answer(
  status: number,
  body: object,
  headers: readonly (readonly [string, string])[] = [],
): Partial<Observation> {
  return { answers: [{ status, headers: new Map(headers), body: Buffer.from(JSON.stringify(body)) }] };
}

describe('an expected error', () => {
  const expected = { error: 'invalid_json' } as const;

  test('has its code, and does not change the connection and its subscriptions', () => {
    expect(verdict(expected, { messages: [error('invalid_json')] })).toEqual([]);
  });

  test.each([
    ['another code', { messages: [error('internal')] }, '0 × error invalid_json instead of 1'],
    ['no answer', {}, '0 × error invalid_json instead of 1'],
    ['two answers', { messages: [error('invalid_json'), error('invalid_json')] }, '2 × error'],
    ['a success beside it', { messages: [error('invalid_json'), { type: 'pong', data: {} }] }, '1 other replies'],
    ['a connection that ends', { messages: [error('invalid_json')], ending: 'reset' }, 'should have stayed open'],
    ['no reply to the next command', { messages: [error('invalid_json')], alive: false }, 'no longer replies'],
    [
      'a subscription left behind',
      { messages: [error('invalid_json')], subscriptions: 1 },
      'left a subscription behind',
    ],
  ] as const)('is not %s', (_what, seen, fault) => {
    expect(verdict(expected, seen).join()).toContain(fault);
  });

  test('points to the invalid value', () => {
    const pointed = { error: ['invalid_message', 'filter_invalid'], pointer: '/data/x' } as const;
    expect(verdict(pointed, { messages: [error('filter_invalid', '/data/x')] })).toEqual([]);
    expect(verdict(pointed, { messages: [error('filter_invalid', '/data')] }).join()).toContain('0 × error');
  });

  test('may be accompanied by other replies if the row allows it', () => {
    const messages: readonly Message[] = [{ type: 'pong', data: {} }, error('rate_limited'), error('rate_limited')];
    expect(verdict({ error: 'rate_limited', times: 'some' }, { messages })).toEqual([]);
  });
});

describe('an expected close', () => {
  test('has one of its codes, and ends the connection', () => {
    const expected = { close: [1002, 1009] } as const;
    expect(verdict(expected, { close: { code: 1002, reason: '' }, ending: 'fin' })).toEqual([]);
    expect(verdict(expected, { close: { code: 1002, reason: '' } }).join()).toContain('did not end the connection');
    expect(verdict(expected, { close: { code: 1000, reason: '' }, ending: 'fin' }).join()).toContain('1000 instead of');
    expect(verdict(expected, { ending: 'reset' }).join()).toContain('no close 1002 or 1009');
  });

  test('is announced by `closing` if its code is in the contract', () => {
    const seen = { close: { code: 4000, reason: '' }, ending: 'fin' } as const;
    const closing = { type: 'closing', data: { code: 4000, name: 'protocol_error', retryable: false } };
    expect(verdict({ close: 'protocol_error' }, { ...seen, messages: [closing] })).toEqual([]);
    expect(verdict({ close: 'protocol_error' }, seen).join()).toContain('not announced by `closing`');
  });
});

describe('an expected HTTP response', () => {
  const refused = { type: 'error', data: error('forbidden', '/a').data };

  test('has its status and the error message of the contract', () => {
    const expected = { status: 403, error: 'forbidden', pointer: '/a' } as const;
    expect(verdict(expected, answer(403, refused))).toEqual([]);
    expect(verdict(expected, answer(400, refused)).join()).toContain('status 400 instead of 403');
    expect(verdict(expected, answer(403, { error: 'Forbidden' })).join()).toContain('without the error message');
    expect(verdict({ ...expected, pointer: '/b' }, answer(403, refused)).join()).toContain('pointer');
    expect(verdict({ ...expected, error: 'internal' }, answer(403, refused)).join()).toContain(
      'error forbidden instead',
    );
    expect(verdict(expected, {}).join()).toContain('no response');
  });

  test('has a body of the expected kind, and none of the forbidden headers', () => {
    expect(verdict({ status: 200, body: 'health' }, answer(200, {})).join()).toContain('not a valid health');
    const expected = { status: 101, without: ['Sec-WebSocket-Extensions'] } as const;
    const compressed = answer(101, {}, [['sec-websocket-extensions', 'permessage-deflate']]);
    expect(verdict(expected, compressed).join()).toContain('Sec-WebSocket-Extensions');
  });

  test('must close the connection completely if the row requires it', () => {
    const expected = { status: 403, gone: true } as const;
    expect(verdict(expected, { ...answer(403, refused), gone: true })).toEqual([]);
    expect(verdict(expected, answer(403, refused)).join()).toContain('keeps its side');
  });
});

describe('a message that must be ignored or dropped', () => {
  test('gets no reply', () => {
    expect(verdict({ ignored: true }, {})).toEqual([]);
    expect(verdict({ ignored: true }, { messages: [error('invalid_json')] }).join()).toContain('ignored');
    expect(verdict({ dropped: true }, { ending: 'fin' })).toEqual([]);
    expect(verdict({ dropped: true }, {}).join()).toContain('should have ended');
    expect(verdict({ dropped: true }, { ...answer(400, {}), ending: 'fin' }).join()).toContain('without a response');
  });
});

describe('any expectation', () => {
  test('is met by one of several outcomes', () => {
    const expected = [{ close: 1007 }, { error: 'invalid_json' }] as const;
    expect(verdict(expected, { messages: [error('invalid_json')] })).toEqual([]);
    expect(verdict(expected, { close: { code: 1007, reason: '' }, ending: 'fin' })).toEqual([]);
    expect(verdict(expected, {}).join()).toContain('; or ');
  });

  test('does not count pushes as replies', () => {
    expect(verdict({ ignored: true }, { messages: [{ type: 'heartbeat', data: {} }] })).toEqual([]);
  });

  test('reports faults of the protocol and leaks as separate findings', () => {
    const seen = { faults: ['the server masked a frame'], leaks: ['a stack trace: "at x"'] };
    expect(verdict({ ignored: true }, seen)).toEqual([
      'the server masked a frame',
      'the server leaked a stack trace: "at x"',
    ]);
  });
});
