import { wants } from '../filters/filter.ts';
import type { Invariant } from '../trace/finding.ts';
import { member, textAt } from '../trace/json.ts';
import type { Reading, StreamSubscription } from '../trace/reading.ts';
import { dataOf, placeOf, typeOf } from '../trace/reading.ts';
import { covers, gapsOf, isActiveAt, runsOf } from '../trace/queries.ts';
import type { Run } from '../trace/queries.ts';
import type { Frame } from '../trace/trace.ts';

interface Published {
  /** The first frame that proves that the event had been published. */
  readonly frame: Frame;
  readonly stream: string;
  readonly epoch: string;
  readonly sequenceId: number;
  readonly event: string;
  readonly payload: Parameters<typeof wants>[1]['payload'];
  readonly source: Parameters<typeof wants>[1]['source'];
}

/**
 * Lists each event with the first frame in the trace that shows the event. All frames that were sent later were sent after
 * the event had been published.
 */
function firstSeen(reading: Reading): readonly Published[] {
  const first = new Map<string, Published>();
  for (const { events } of reading.connections)
    for (const event of events) {
      const known = first.get(event.eventId);
      if (known === undefined || event.frame.n < known.frame.n) first.set(event.eventId, event);
    }
  return [...first.values()];
}

interface Followed {
  readonly subscription: StreamSubscription;
  readonly runs: readonly Run[];
  readonly gaps: readonly Frame[];
}

interface Sync {
  readonly asked: Frame;
  readonly reply: Frame;
}

/** Whether a subscription must receive an event before the reply to a sync. */
function mustReceive({ subscription, runs, gaps }: Followed, event: Published, { asked, reply }: Sync): boolean {
  const isDue = ({ start, begun }: Run): boolean =>
    begun.n < asked.n &&
    start.epoch === event.epoch &&
    start.sequenceId < event.sequenceId &&
    !gaps.some((gap) => gap.n > begun.n && gap.n < reply.n && covers(gap, event));
  return (
    subscription.stream === event.stream &&
    isActiveAt(subscription, asked.n) &&
    isActiveAt(subscription, reply.n) &&
    wants(subscription, event) &&
    runs.some(isDue)
  );
}

/** `synced` is a barrier: it arrives after every event that was published before its command. */
export const syncBarrier: Invariant = {
  id: 'invariants/sync-barrier',
  clauses: ['SYN-1'],
  why: 'If a matching event was published before a sync, the connection receives it, or a gap that reports its loss, before the synced that replies to the sync.',
  check: (reading, report) => {
    const published = firstSeen(reading);
    for (const { commands, subscriptions, events } of reading.connections) {
      const followed = subscriptions.map((subscription): Followed => {
        return { subscription, runs: runsOf(subscription), gaps: gapsOf(subscription) };
      });
      for (const { type, data, frame: asked, reply } of commands) {
        if (type !== 'sync' || reply === undefined || typeOf(reply) !== 'synced') continue;
        report.fire();
        const stream = textAt(data, 'stream');
        const position = placeOf(member(dataOf(reply), 'position'));
        for (const event of published) {
          if (event.stream !== stream || event.frame.n > asked.n || event.epoch !== position?.epoch) continue;
          if (event.sequenceId > position.sequenceId)
            report.violate(
              `synced reports position ${position.sequenceId}, but event ${event.sequenceId} had been published before the sync`,
              event.frame,
              asked,
              reply,
            );
          const came = events.some(
            ({ frame, epoch, sequenceId, stream: where }) =>
              where === stream && epoch === event.epoch && sequenceId === event.sequenceId && frame.n < reply.n,
          );
          if (!came && followed.some((each) => mustReceive(each, event, { asked, reply })))
            report.violate(
              `event ${event.sequenceId} (${event.event}) was published before the sync but not delivered before synced`,
              event.frame,
              asked,
              reply,
            );
        }
      }
    }
  },
};
