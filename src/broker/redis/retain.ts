/**
 * Describes how a publish changes the retained events (RPL-3), as a text for lua/publish.lua. `+key` makes the event the newest of its name
 * with this key; `-key` removes the retained events with this key; an empty text changes nothing. replay/warm.ts does the same for the
 * history of a node.
 */
import type { EventDraft } from '../broker.ts';
import { valueAt } from '../../replay/pointer.ts';
import type { EventTable } from '../../catalogue/event-table.ts';

export function retainOf(events: EventTable, draft: Pick<EventDraft, 'event' | 'payload'>): string {
  const { replay } = events.of(draft.event);
  if (replay.policy === 'latest') return `+name ${draft.event}`;
  if (replay.policy !== 'latest-per-key' || replay.key === undefined) return '';
  const key = valueAt(draft, replay.key);
  if (typeof key !== 'string') return '';
  return `${replay.clears === true ? '-' : '+'}${replay.keySpace ?? draft.event} ${key}`;
}

/**
 * The names of the events that are retained per key, separated by spaces. Removing a key removes the retained events of all these names.
 */
export function namesPerKey(events: EventTable): string {
  const names = events.names.filter((name) => {
    const { replay } = events.of(name);
    return replay.policy === 'latest-per-key' && replay.clears !== true;
  });
  return names.join(' ');
}
