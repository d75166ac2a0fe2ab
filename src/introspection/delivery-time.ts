/** Passes events to the fan-out and measures the time since each was emitted. */
import type { EventRecord } from '../broker/broker.ts';
import type { Fanout } from '../delivery/fan-out.ts';
import type { Counters } from './counters.ts';

export interface TimedDeliveryOptions {
  readonly fanout: Pick<Fanout, 'deliver'>;
  readonly counters: Counters;
  readonly now: () => number;
}

/**
 * Measured once per event, regardless of the number of its subscribers. With Redis, `emittedAt` is from the clock of Redis, so the
 * result includes any difference between that clock and the clock of this node.
 */
export function timedDelivery({ fanout, counters, now }: TimedDeliveryOptions): (record: EventRecord) => void {
  return (record) => {
    const before = counters.deliveries;
    fanout.deliver(record);
    if (counters.deliveries > before) counters.countDeliveryTime(now() - Date.parse(record.emittedAt));
  };
}
