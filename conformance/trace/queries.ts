/** Functions that several invariants use to evaluate the reading of a trace. */
import { textsAt } from './json.ts';
import { dataOf, typeOf } from './reading.ts';
import type { Life, Reading, SeenEvent, Span } from './reading.ts';
import type { Frame } from './trace.ts';

/** Whether a subscription is active at a frame. */
export function livesAt(life: Span, n: number): boolean {
  return life.subscribed.n < n && (life.ended === undefined || n < life.ended.n);
}

/** The gaps that a subscription received. */
export function gapsOf(life: Life): readonly Frame[] {
  return life.connection.received.filter(
    (frame) =>
      typeOf(frame) === 'gap' && livesAt(life, frame.n) && textsAt(dataOf(frame), 'subscriptionIds').includes(life.id),
  );
}

/** Every event that any connection received, by stream and epoch and then by number. */
export function knownEvents(reading: Reading): ReadonlyMap<string, ReadonlyMap<number, SeenEvent>> {
  const known = new Map<string, Map<number, SeenEvent>>();
  for (const { events } of reading.connections)
    for (const event of events) {
      const key = streamKey(event.stream, event.epoch);
      const stream = known.get(key) ?? new Map<number, SeenEvent>();
      known.set(key, stream);
      const before = stream.get(event.sequenceId);
      // Prefer the live message to a replayed one, because the replay may be faulty.
      if (before === undefined || (before.isReplay && !event.isReplay)) stream.set(event.sequenceId, event);
    }
  return known;
}

export function streamKey(stream: string, epoch: string): string {
  return `${stream}\u0000${epoch}`;
}
