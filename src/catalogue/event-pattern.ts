/** Event names and patterns. A pattern is a name, a prefix followed by `*`, or `*` alone (SUB-1, EVT-4). */
import { PATTERNS } from '../../generated/protocol.ts';
import type { ReplayPolicy } from '../../generated/protocol.ts';
import { ProtocolError } from '../errors.ts';
// Import cycle of types only: the table is built from a catalogue, and the catalogue matches patterns.
import type { EventTable } from './event-table.ts';

export function isEventName(text: string): boolean {
  return PATTERNS.EventName.test(text);
}

export function matchesName(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

/** Whether `outer` matches every name that `inner` matches. */
export function covers(outer: string, inner: string): boolean {
  if (!outer.endsWith('*')) return outer === inner;
  const start = outer.slice(0, -1);
  return (inner.endsWith('*') ? inner.slice(0, -1) : inner).startsWith(start);
}

/**
 * Checks, sorts and deduplicates the events of a subscription.
 * @throws {ProtocolError} `limit_exceeded` or `invalid_message`.
 */
export function normaliseEvents(
  events: readonly string[],
  limits: { readonly eventsPerSubscription: number },
): readonly string[] {
  if (events.length > limits.eventsPerSubscription) {
    const maximum = limits.eventsPerSubscription;
    throw new ProtocolError('limit_exceeded', `A subscription may name at most ${maximum} events.`, {
      pointer: '/data/events',
      details: { limit: 'eventsPerSubscription', maximum },
    });
  }
  for (const [at, event] of events.entries()) {
    if (PATTERNS.EventPattern.test(event)) continue;
    throw new ProtocolError(
      'invalid_message',
      `${JSON.stringify(event)} is neither an event name nor a prefix followed by "*".`,
      { pointer: `/data/events/${at}` },
    );
  }
  return [...new Set(events)].toSorted();
}

/** The replay policies of all events that the patterns can match. */
export function policiesOf(patterns: readonly string[], table: EventTable): ReadonlySet<ReplayPolicy> {
  const named = table.names.filter((name) => patterns.some((each) => matchesName(each, name)));
  const custom = patterns.some((each) => each.endsWith('*') || !table.names.includes(each))
    ? [table.custom.replay.policy]
    : [];
  return new Set([...named.map((name) => table.of(name).replay.policy), ...custom]);
}
