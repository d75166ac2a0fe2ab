import { describe, expect, expectTypeOf, test } from 'vitest';
import { isGap } from './events.ts';
import { isDeclared, isEvent } from './testing/sample-client.ts';
import type {
  CustomEvent,
  EntityCreatedEvent,
  EntityDeletedEvent,
  FileChangeEvent,
  SampleClient,
  SampleEvent,
  SampleGap,
} from './testing/sample-client.ts';

describe('the type of an event', () => {
  test('follows from the patterns, without a cast', () => {
    expectTypeOf<SampleEvent<'file_change'>>().toEqualTypeOf<FileChangeEvent>();
    expectTypeOf<SampleEvent<'file_change' | 'entity_created'>>().toEqualTypeOf<FileChangeEvent | EntityCreatedEvent>();
    expectTypeOf<SampleEvent<'entity_*'>>().toEqualTypeOf<EntityCreatedEvent | EntityDeletedEvent | CustomEvent>();
    expectTypeOf<SampleEvent<'*'>>().toEqualTypeOf<
      FileChangeEvent | EntityCreatedEvent | EntityDeletedEvent | CustomEvent
    >();
    expectTypeOf<SampleEvent<'modified_cluster'>['event']>().toEqualTypeOf<'modified_cluster'>();
    expectTypeOf<SampleEvent<string>>().toEqualTypeOf<SampleEvent<'*'>>();
  });

  test('is available in the loop over a subscription', () => {
    // Never connects: only the types are tested.
    const follow = async (client: SampleClient): Promise<void> => {
      for await (const event of client.subscribe({ events: ['file_change'], filter: { extensions: ['.ts'] } })) {
        expectTypeOf(event).toEqualTypeOf<FileChangeEvent>();
      }
      for await (const item of client.subscribe({ events: ['file_change', 'entity_*'], gaps: 'inline' })) {
        if (isGap(item)) expectTypeOf(item).toEqualTypeOf<SampleGap>();
        else if (isEvent(item, 'file_change')) expectTypeOf(item.payload.path).toBeString();
        else if (isEvent(item, 'entity_deleted')) expectTypeOf(item).toEqualTypeOf<EntityDeletedEvent>();
      }
      const names: string[] = ['file_change'];
      for await (const event of client.subscribe({ events: names })) {
        expectTypeOf(event).toEqualTypeOf<SampleEvent<'*'>>();
      }
      // @ts-expect-error a filter field that the contract does not have
      client.subscribe({ events: ['file_change'], filter: { extension: ['.ts'] } });
      // @ts-expect-error the client manages subscriptions itself
      await client.command('subscribe', { events: ['file_change'] });
    };
    expect(follow).toBeTypeOf('function');
  });
});

test('isEvent distinguishes a declared event from a custom one with the same prefix, and from a gap', () => {
  const event = { event: 'entity_created', payload: {} };
  expect(isEvent(event, 'entity_created')).toBe(true);
  expect(isEvent({ event: 'entity_merged' }, 'entity_created')).toBe(false);
  expect(isGap(event)).toBe(false);
  expect(isGap({ kind: 'gap' })).toBe(true);
});

describe('a switch over the names of events', () => {
  /** Does not compile when a case is missing, or without `isDeclared`. */
  const describeEvent = (event: SampleEvent<'*'>): string => {
    if (!isDeclared(event)) return `custom ${event.event}`;
    switch (event.event) {
      case 'file_change':
        return event.payload.path;
      case 'entity_created':
      case 'entity_deleted':
        return event.payload.id;
    }
    return event satisfies never;
  };

  test('is exhaustive without a cast after custom events were handled', () => {
    const event = { event: 'entity_deleted', payload: { id: 'a' } } as EntityDeletedEvent;
    expect(describeEvent(event)).toBe('a');
    expect(describeEvent({ ...event, event: 'entity_merged', payload: {} })).toBe('custom entity_merged');
    expect(isDeclared({ kind: 'gap' })).toBe(false);
  });

  test('may contain only the declared events of a prefix', () => {
    const idOf = (event: SampleEvent<'entity_*'>): string | undefined => {
      if (!isDeclared(event)) return undefined;
      expectTypeOf(event).toEqualTypeOf<EntityCreatedEvent | EntityDeletedEvent>();
      return event.payload.id;
    };
    expect(idOf).toBeTypeOf('function');
  });
});
