/** Passes events to the fan-out, and measures the time since an event was emitted. */
import type { EventRecord } from '../broker/broker.ts';
import type { Fanout } from '../delivery/fan-out.ts';
import type { Counters } from './counters.ts';

export interface TimedDeliveryOptions {
  readonly fanout: Pick<Fanout, 'deliver'>;
  readonly counters: Counters;
  readonly now: () => number;
}

/**
 * Creates the function that receives events from the broker. The time is measured once per event, regardless of the number of its
 * subscribers. With Redis, `emittedAt` is set by the clock of Redis. The result therefore includes the difference between that clock and
 * the clock of this node.
 */
export function timedDelivery({ fanout, counters, now }: TimedDeliveryOptions): (record: EventRecord) => void {
  return (record) => {
    const before = counters.deliveries;
    fanout.deliver(record);
    if (counters.deliveries > before) counters.countDeliveryTime(now() - Date.parse(record.emittedAt));
  };
}
