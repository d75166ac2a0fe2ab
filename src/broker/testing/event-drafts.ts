/** Creates and publishes events for tests. */
import type { Broker, EventDraft } from '../broker.ts';

export function draftOf(overrides: Partial<EventDraft> = {}): EventDraft {
  return {
    stream: 'main',
    event: 'modified_cluster',
    source: { name: 'test', principal: 'user:ana' },
    payload: { cluster: 'billing' },
    ...overrides,
  };
}

export function entity(id: string, event = 'entity_updated'): EventDraft {
  return draftOf({ event, payload: { id, entityType: 'function', name: id } });
}

/** A list of `count` consecutive numbers, beginning with `from`. */
export const upTo = (count: number, from = 1): number[] => Array.from({ length: count }, (_, index) => from + index);

export async function publishEach(broker: Broker, drafts: readonly EventDraft[]): Promise<void> {
  await Promise.all(drafts.map((draft) => broker.publish(draft)));
}
