import { readFileSync } from 'node:fs';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type {
  CommandMessage,
  DeclaredEvent,
  EventMap,
  FileChangePayload,
  PayloadMap,
  ServerMessage,
  SubscribedData,
} from '../../generated/types.ts';

const types = readFileSync(new URL('../../generated/types.ts', import.meta.url), 'utf8');

describe('the generated types', () => {
  test('declare nothing twice', () => {
    const names = [...types.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name ?? '');
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    // What a generator adds to a name that it meets again.
    expect(names.filter((name) => names.includes(name.replace(/\d+$/, '')) && /\d$/.test(name))).toEqual([]);
  });

  test('use no any', () => {
    expect(types).not.toMatch(/\bany\b(?=[;,)\]>])/);
  });

  test('narrow by type, and events by their name', () => {
    expectTypeOf<Extract<ServerMessage, { type: 'subscribed' }>['data']>().toEqualTypeOf<SubscribedData>();
    expectTypeOf<Extract<CommandMessage, { type: 'ping' }>['type']>().toEqualTypeOf<'ping'>();
    expectTypeOf<Extract<DeclaredEvent, { event: 'file_change' }>['payload']>().toEqualTypeOf<FileChangePayload>();
    expectTypeOf<EventMap['file_change']['payload']>().toEqualTypeOf<PayloadMap['file_change']>();
    const label = (message: CommandMessage): string => (message.type === 'sync' ? message.data.stream : message.type);
    expect(label({ type: 'sync', data: { stream: 'main' } })).toBe('main');
  });
});
