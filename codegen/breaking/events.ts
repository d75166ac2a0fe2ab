/**
 * Compares events. The server sends them, so their messages may only narrow. Clients publish them too (`broadcast`, POST
 * /ws/broadcast, EVT-3), so their payloads may only widen. Only new optional fields satisfy both.
 */
import type { EventView } from './contract-view.ts';
import type { Draft } from './finding.ts';
import { show } from './change.ts';
import { relateMessages, relatePlaces } from './operations.ts';
import type { Versions } from './operations.ts';
import { equal, union } from './json.ts';

export function compareEvents(versions: Versions): void {
  const { was, now, findings } = versions;
  for (const name of union(was.events.keys(), now.events.keys())) {
    const [before, after] = [was.events.get(name), now.events.get(name)];
    const by = `event ${name}`;
    if (before !== undefined && after !== undefined) compareEvent(versions, before, after);
    else if (before !== undefined) findings.add(eventRemoved(before), by);
    else if (after !== undefined) findings.add(eventAdded(after), by);
  }
}

function eventRemoved({ name, message }: EventView): Draft {
  return {
    rule: 'event-removed',
    severity: 'breaking',
    direction: 'server-to-client',
    was: { path: message.path, value: name },
    now: { path: ['components', 'messages'], value: undefined },
    summary: `the event ${name} was removed`,
    reason:
      'Clients that subscribe to this event receive nothing, or custom events of the same name with payloads of any shape. Filters of these clients are refused.',
  };
}

function eventAdded({ name, message }: EventView): Draft {
  return {
    rule: 'event-added',
    severity: 'compatible',
    direction: 'server-to-client',
    was: { path: ['components', 'messages'], value: undefined },
    now: { path: message.path, value: name },
    summary: `the event ${name} was added`,
    reason:
      'Clients ignore unknown events (ENV-4). Clients that published a custom event of this name must now match its schema.',
  };
}

function compareEvent(versions: Versions, before: EventView, after: EventView): void {
  const by = `event ${after.name}`;
  relateMessages(versions, before.message, after.message, { by, direction: 'server-to-client', envelope: true });
  if (before.published !== undefined && after.published !== undefined)
    relatePlaces(versions, before.published, after.published, {
      by: `publishing ${after.name}`,
      direction: 'client-to-server',
    });
  for (const draft of [
    ...policyDrafts(before, after),
    ...keyDrafts(before, after),
    ...filterDrafts(versions, before, after),
  ])
    versions.findings.add(draft, by);
}

/** The replay policies, from the one that replays the fewest events to the one that replays the most. */
const POLICIES = ['none', 'latest', 'latest-per-key', 'log'];

function policyDrafts(before: EventView, after: EventView): Draft[] {
  const [old, next] = [before.replay['policy'], after.replay['policy']];
  if (old === next) return [];
  const [a, b] = [POLICIES.indexOf(String(old)), POLICIES.indexOf(String(next))];
  const isKnown = a >= 0 && b >= 0;
  return [
    {
      rule: 'replay-policy-changed',
      severity: isKnown && b > a ? 'warning' : 'breaking',
      ...(isKnown ? {} : { decided: false as const }),
      direction: 'server-to-client',
      was: { path: [...before.message.path, 'x-replay', 'policy'], value: old },
      now: { path: [...after.message.path, 'x-replay', 'policy'], value: next },
      summary: `the replay policy of ${after.name} changed from ${show(old)} to ${show(next)}`,
      reason: !isKnown
        ? 'It cannot be determined which of the two policies replays more, so this counts as breaking.'
        : b > a
          ? 'New subscribers receive more than before. Check clients that expect a short replay.'
          : 'New subscribers no longer receive the events from which clients of the old contract build their warm picture.',
    },
  ];
}

function keyDrafts(before: EventView, after: EventView): Draft[] {
  return (['key', 'keySpace', 'clears'] as const)
    .filter((member) => !equal(before.replay[member], after.replay[member]))
    .map((member) => ({
      rule: 'replay-key-changed',
      severity: 'breaking',
      direction: 'server-to-client',
      was: replaySide(before, member),
      now: replaySide(after, member),
      summary: `x-replay.${member} of ${after.name} changed from ${show(before.replay[member])} to ${show(after.replay[member])}`,
      reason:
        'The rules by which events replace or clear earlier events changed, so new subscribers receive a different warm picture.',
    }));
}

function replaySide({ message, replay }: EventView, member: string): Draft['was'] {
  const value = replay[member];
  return { path: [...message.path, 'x-replay', ...(value === undefined ? [] : [member])], value };
}

function filterDrafts({ was }: Versions, before: EventView, after: EventView): Draft[] {
  return union(Object.keys(before.filterable), Object.keys(after.filterable)).flatMap((field): Draft[] => {
    const [old, next] = [before.filterable[field], after.filterable[field]];
    if (equal(old?.toSorted(), next?.toSorted())) return [];
    const verb = old === undefined ? 'added' : next === undefined ? 'removed' : 'changed';
    // A filter field applies only to events that declare it (SUB-4).
    const wasUsable = [...was.events.values()].some(({ filterable }) => Object.hasOwn(filterable, field));
    const isBreaking = verb !== 'added' || wasUsable;
    return [
      {
        rule: `filterable-${verb}`,
        severity: isBreaking ? 'breaking' : 'compatible',
        direction: 'client-to-server',
        was: filterSide(before, field),
        now: filterSide(after, field),
        summary: `${after.name} ${verb === 'added' ? 'can be filtered by' : verb === 'removed' ? 'can no longer be filtered by' : 'uses other values for the filter field'} ${field}`,
        reason: FILTER_REASONS[verb][isBreaking ? 'breaking' : 'compatible'],
      },
    ];
  });
}

const FILTER_REASONS = {
  added: {
    breaking:
      'Old clients may filter other events by this field. They received every event of this name, and now receive only events that match the filter (SUB-4).',
    compatible: 'No old client can use a filter field that no event had.',
  },
  removed: {
    breaking:
      'Filters of old clients are refused with `filter_not_applicable`, or no longer apply to the events of this name (SUB-4).',
    compatible: '',
  },
  changed: {
    breaking: 'Filters of old clients match other events than before.',
    compatible: '',
  },
} as const;

function filterSide({ message, filterable }: EventView, field: string): Draft['was'] {
  const value = filterable[field];
  return { path: [...message.path, 'x-filterable', ...(value === undefined ? [] : [field])], value };
}
