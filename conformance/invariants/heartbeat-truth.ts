import type { Invariant, Report } from '../trace/finding.ts';
import { isArray, member, numberAt, textAt, textsAt } from '../trace/json.ts';
import type { ConnectionReading, StreamSubscription, Place } from '../trace/reading.ts';
import { dataOf, placeOf, typeOf } from '../trace/reading.ts';
import { isActiveAt } from '../trace/queries.ts';
import type { Frame } from '../trace/trace.ts';
import { coversStream } from '../trace/selector.ts';

/**
 * Whether the subscription may have ended, because the client sent `unsubscribe` or `authenticate` before the heartbeat. The
 * reply need not have arrived. A command counts if it was sent after `subscribe`, even before `subscribed` arrived, because
 * a client may read late.
 */
function mayBeOver({ connection, id, subscribed }: StreamSubscription, beat: Frame): boolean {
  const asked = connection.commands.find(({ reply }) => reply === subscribed)?.frame ?? subscribed;
  return connection.commands.some(({ type, data, frame }) => {
    if (frame.n > beat.n || frame.n < asked.n) return false;
    return type === 'authenticate' || (type === 'unsubscribe' && (textAt(data, 'subscriptionId') ?? id) === id);
  });
}

/**
 * Whether a replay of the stream is in progress. The reported position then lies before the next event of the replay,
 * and may lie before events that other subscriptions have already received.
 */
function isReplaying({ commands, subscriptions }: ConnectionReading, stream: string, beat: Frame): boolean {
  return commands.some(({ type, data, frame, reply }) => {
    const mode = textAt(member(data, 'replay'), 'mode') ?? 'warm';
    if (type !== 'subscribe' || mode === 'none' || frame.n > beat.n) return false;
    if ((textAt(data, 'stream') ?? 'main') !== stream || textAt(reply?.json, 'type') === 'error') return false;
    const completed = subscriptions.find((subscription) => subscription.subscribed === reply)?.completed;
    return completed === undefined || completed.n > beat.n;
  });
}

/**
 * Ids of the subscriptions to a stream that began before the heartbeat, except ids that were used again after the
 * heartbeat.
 */
function begunBefore(connection: ConnectionReading, stream: string, beat: Frame): ReadonlySet<string> {
  const begun = new Set<string>();
  for (const subscription of connection.subscriptions) {
    if (subscription.subscribed.n > beat.n) begun.delete(subscription.id);
    else if (subscription.stream === stream) begun.add(subscription.id);
  }
  for (const { subscribed, streams, id } of connection.manyStreamsSubscriptions) {
    if (subscribed.n > beat.n) begun.delete(id);
    else if (streams.some((each) => coversStream(each, stream))) begun.add(id);
  }
  return begun;
}

/**
 * Checks the messages after the heartbeat, for subscriptions that began before it: none may lie at or before the
 * position in the heartbeat.
 */
function judgeRest(connection: ConnectionReading, beat: Frame, stream: string, position: Place, report: Report): void {
  const begun = begunBefore(connection, stream, beat);
  const isBehind = (place: Place | undefined): boolean =>
    place !== undefined && place.epoch === position.epoch && place.sequenceId < position.sequenceId;
  for (const event of connection.events) {
    if (event.frame.n < beat.n || event.stream !== stream || !event.subscriptionIds.some((id) => begun.has(id)))
      continue;
    if (!isBehind({ epoch: event.epoch, sequenceId: event.sequenceId - 1 })) continue;
    const text = `stream ${stream}: the heartbeat reports position ${position.sequenceId}, but event ${event.sequenceId} arrived after the heartbeat`;
    return report.violate(text, beat, event.frame);
  }
  for (const frame of connection.received) {
    const data = dataOf(frame);
    if (frame.n < beat.n || typeOf(frame) !== 'gap' || textAt(data, 'stream') !== stream) continue;
    if (!textsAt(data, 'subscriptionIds').some((id) => begun.has(id)) || !isBehind(placeOf(member(data, 'from'))))
      continue;
    return report.violate(
      `stream ${stream}: the heartbeat reports position ${position.sequenceId}, but a gap before that position arrived after the heartbeat`,
      beat,
      frame,
    );
  }
}

function judgePositions(connection: ConnectionReading, beat: Frame, report: Report): void {
  const reported = member(dataOf(beat), 'positions');
  const positions = new Map(
    (isArray(reported) ? reported : []).map((each) => [textAt(each, 'stream'), placeOf(each)] as const),
  );
  for (const [stream, position] of positions)
    if (stream !== undefined && position !== undefined) judgeRest(connection, beat, stream, position, report);
  for (const subscription of connection.subscriptions.filter(
    (each) => isActiveAt(each, beat.n) && !mayBeOver(each, beat),
  )) {
    const position = positions.get(subscription.stream);
    if (position === undefined) {
      report.violate(
        `the heartbeat has no position for the stream ${subscription.stream}`,
        subscription.subscribed,
        beat,
      );
      continue;
    }
    if (isReplaying(connection, subscription.stream, beat)) continue;
    const last = connection.events.findLast(
      (each) => each.frame.n < beat.n && each.stream === subscription.stream && each.epoch === position.epoch,
    );
    if (last !== undefined && !last.isReplay && position.sequenceId < last.sequenceId)
      report.violate(
        `stream ${subscription.stream}: the heartbeat reports position ${position.sequenceId}, but event ${last.sequenceId} had arrived before`,
        last.frame,
        beat,
      );
  }
}

/** A heartbeat counts exactly the events that arrived before it, and its positions cover exactly these events. */
export const heartbeatTruth: Invariant = {
  id: 'invariants/heartbeat-truth',
  clauses: ['CON-3', 'CON-7'],
  why: 'In a heartbeat, delivered counts the events received before the heartbeat, and positions names every subscribed stream. No later message of a stream lies at or before the position reported for that stream.',
  check: ({ connections }, report) => {
    for (const connection of connections)
      for (const beat of connection.received.filter((frame) => typeOf(frame) === 'heartbeat')) {
        report.fire();
        const received = connection.events.filter(({ frame }) => frame.n < beat.n).length;
        const delivered = numberAt(dataOf(beat), 'delivered');
        if (delivered !== received)
          report.violate(
            `the heartbeat reports ${delivered ?? 'nothing'} delivered events, but ${received} had arrived`,
            beat,
          );
        judgePositions(connection, beat, report);
      }
  },
};
