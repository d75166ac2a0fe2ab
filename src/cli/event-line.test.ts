import { describe, expect, test } from 'vitest';
import type { TidemarkEvent } from '../../generated/client.ts';
import { eventLine, gapLine } from './event-line.ts';

const EVENT = { stream: 'main', epoch: 'e', sequenceId: 2, emittedAt: '2026-03-02T09:15:00.000Z', isReplay: false };

/** The line for an event that a server sent, without the time. */
const lineOf = (members: object): string =>
  eventLine({ ...EVENT, ...members } as TidemarkEvent).replace(/^\S+ {2}/, '');
const GAP = {
  kind: 'gap',
  subscriptionId: 's1',
  stream: 'main',
  reason: 'window_exceeded',
  noticedBy: 'server',
} as const;
const gapLineOf = (members: object): string =>
  gapLine({ ...GAP, from: undefined, to: undefined, repair: undefined, ...members });

describe('the line for an event', () => {
  test('summarises a change of a file', () => {
    const payload = { root: 'shop', path: 'b', previousPath: 'a', changeType: 'rename', fileType: 'file' };
    expect(lineOf({ event: 'file_change', payload })).toBe('#2  file_change  rename shop: a → b');
  });

  test.each([
    [{ event: 'file_change', payload: {} }, '#2  file_change  {}'],
    [{ event: 'file_change', payload: null }, '#2  file_change  null'],
    [{ event: 'file_change', payload: { changeType: 7 } }, '#2  file_change  {"changeType":7}'],
    [{ event: 'built', payload: undefined }, '#2  built  nothing'],
    [{ event: undefined, payload: 'a\u001b' }, '#2  nothing  a\\u001b'],
    [{ event: 7, payload: 7 }, '#2  7  7'],
  ])('shows what a server that is not a gateway sends: %j', (members, line) => {
    expect(lineOf(members)).toBe(line);
  });
});

describe('the line for a gap', () => {
  test('names what must be read again', () => {
    const line = 'gap on main: window_exceeded, from unknown to unknown';
    expect(gapLineOf({})).toBe(line);
    expect(gapLineOf({ repair: { kind: 'rescan', paths: ['src', ''] } })).toBe(
      `${line}; read these paths again: src, the watched directory`,
    );
    expect(gapLineOf({ repair: { kind: 'refetch', ids: ['a', 'b'] } })).toBe(`${line}; fetch these ids again: a, b`);
    for (const repair of [7, null, {}, { kind: 'rescan' }, { kind: 'refetch', ids: 7 }])
      expect(gapLineOf({ repair })).toBe(line);
  });

  test('escapes control characters of the server', () => {
    const from = { epoch: '\u001b[31m', sequenceId: 1 };
    expect(gapLineOf({ stream: '\u009b', from })).toBe(
      'gap on \\u009b: window_exceeded, from \\u001b[31m:1 to unknown',
    );
  });
});
