import { describe, expect, test } from 'vitest';
import { pictureRules } from './picture.ts';
import type { KeyedEvent } from './picture.ts';

const kept = (more: object = {}): KeyedEvent => ({ replay: { policy: 'latest-per-key', key: '/payload/id', ...more } });
const DECLARED = {
  order_placed: kept({ keySpace: 'order' }),
  order_changed: kept({ keySpace: 'order', key: '/payload/a~1b/id' }),
  order_cancelled: kept({ keySpace: 'order', clears: true }),
  user_seen: kept(),
  load: { replay: { policy: 'latest' } },
  level: { replay: { policy: 'latest' } },
  log_line: { replay: { policy: 'log' } },
};

describe('the rules of a warm picture', () => {
  test('cover the events of a prefix, and the events that remove their keys', () => {
    expect(pictureRules(DECLARED, 'order_*').events).toEqual(['order_placed', 'order_changed', 'order_cancelled']);
    expect(pictureRules(DECLARED, 'order_placed').events).toEqual(['order_placed', 'order_cancelled']);
    expect(pictureRules(DECLARED, 'user_seen').events).toEqual(['user_seen']);
    expect(pictureRules(DECLARED, 'load').events).toEqual(['load']);
  });

  test('read the key where the contract has it, and leave out events without a key', () => {
    const { keyOf, clears } = pictureRules(DECLARED, 'order_*');
    expect(keyOf({ event: 'order_placed', payload: { id: 'a' } })).toBe('a');
    expect(keyOf({ event: 'order_changed', payload: { 'a/b': { id: 'c' } } })).toBe('c');
    expect(keyOf({ event: 'order_placed', payload: { id: 7 } })).toBeUndefined();
    expect(keyOf({ event: 'order_placed' })).toBeUndefined();
    expect([clears({ event: 'order_cancelled' }), clears({ event: 'order_placed' })]).toEqual([true, false]);
    expect(pictureRules(DECLARED, 'le*').keyOf({ event: 'level', payload: {} })).toBe('level');
  });

  test.each([
    ['nothing_*', /No declared event matches "nothing_\*"\. Declared: order_placed, /],
    ['log_line', /"log_line" cannot be mirrored: its replay policy/],
    ['lo*', /"log_line" cannot be mirrored/],
    ['*', /"log_line" cannot/],
  ])('of %s are rejected, because they have no picture', (pattern, message) => {
    expect(() => pictureRules(DECLARED, pattern)).toThrow(message);
  });

  test('need a single key space, because keys of two key spaces could collide', () => {
    const { log_line: _, ...declared } = DECLARED;
    expect(() => pictureRules(declared, '*')).toThrow(/several key spaces \(order, user_seen, event names\)/);
  });
});
