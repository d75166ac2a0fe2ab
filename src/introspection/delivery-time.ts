/** Hands events to the fan-out, and counts how long each has taken to get there. */
import type { EventRecord } from '../broker/broker.ts';
import type { Fanout } from '../delivery/fan-out.ts';
import type { Counters } from './counters.ts';

export interface TimedDeliveryOptions {
  readonly fanout: Pick<Fanout, 'deliver'>;
  readonly counters: Counters;
  readonly now: () => number;
}

/**
 * The time is taken once per event, whatever the number of its subscribers. With Redis, `emittedAt` is of the clock of Redis: a
 * node whose clock differs reports that difference as well.
 */
export function timedDelivery({ fanout, counters, now }: TimedDeliveryOptions): (record: EventRecord) => void {
  return (record) => {
    const before = counters.deliveries;
    fanout.deliver(record);
    if (counters.deliveries > before) counters.countDeliveryTime(now() - Date.parse(record.emittedAt));
  };
}
