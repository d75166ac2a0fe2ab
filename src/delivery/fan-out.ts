/**
 * Delivers each event to the connections with a matching subscription. An event is matched once per group of subscriptions with the same
 * filter. Its frame is built once per prefix: for example, a thousand connections whose subscription has the id `ts` share one buffer. The
 * groups of connections that share a frame are cached until a subscription is added or removed. A delivery therefore only has to add the
 * frame to the send queues.
 */
import { MAX_ITEMS } from '../../generated/protocol.ts';
import type { GapData } from '../../generated/types.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { UNKNOWN_POSITION } from '../broker/broker.ts';
import type { EventRecord, Position, SourceLoss, StreamLoss } from '../broker/broker.ts';
import { RecencyMap } from '../replay/recency-map.ts';
import { encodeEvent } from '../wire/framing.ts';
import type { Counters } from '../introspection/counters.ts';
import type { LiveEvent, OrderedOptions } from '../session/session.ts';
import { selects } from '../broker/stream-selectors.ts';
import { sourceGap, touchesDirectory } from '../subscriptions/directories.ts';
import type { Subscription } from '../session/subscription.ts';
import { EndedStreams } from './ended-streams.ts';
import { Routes } from './routes.ts';
import { StreamChanges } from './stream-changes.ts';

/** The maximum number of changed streams that are remembered for heartbeats. Those with the newest events are kept (MUL-8). */
const MAX_RECENT = 1_024;
/** The maximum number of changed streams in one heartbeat. */
const MAX_CHANGED = MAX_ITEMS.PositionsData.positions;

type Gap = Omit<GapData, 'subscriptionIds'>;

export interface FanoutOptions {
  readonly counters: Counters;
  readonly catalogue: Catalogue;
  readonly now: () => number;
  /** The newest position of an attached or followed stream that this node knows. */
  readonly headOf: (stream: string) => Position | undefined;
}

export class Fanout {
  readonly #routes: Routes;
  readonly #ended = new EndedStreams();
  /**
   * The followed streams that have changed recently. The number is the value of `#changes` directly after the latest change of the stream.
   */
  readonly #recent = new RecencyMap<string, number>();
  #changes = 0;
  readonly #watches = new Set<StreamChanges>();
  readonly #options: FanoutOptions;

  constructor(options: FanoutOptions) {
    this.#options = options;
    this.#routes = new Routes(options.catalogue);
  }

  /** From now on, every matching event of the subscription's streams is delivered to the subscription. */
  add(subscription: Subscription): void {
    this.#routes.add(subscription);
  }

  /** From now on, no events are delivered to the subscription. */
  remove(subscription: Subscription): void {
    this.#routes.remove(subscription);
    this.#ended.forget(subscription);
  }

  /** Number of subscriptions on this node that receive live events. */
  get size(): number {
    return this.#routes.size;
  }

  /** All subscriptions on this node that receive live events. Each is returned once. */
  subscriptions(): Iterable<Subscription> {
    return this.#routes.subscriptions();
  }

  /** Starts to record which of the streams covered by the selectors change. Call `stop` of the result to end the recording. */
  watch(selectors: readonly string[]): StreamChanges {
    const changes = new StreamChanges(selectors, (stopped) => this.#watches.delete(stopped));
    this.#watches.add(changes);
    return changes;
  }

  #noteForWatches(stream: string): void {
    for (const each of this.#watches) each.note(stream);
  }

  /** Delivers one live event (EVT-2: one message per connection, no matter how many of its subscriptions match). */
  deliver(record: EventRecord): void {
    this.#noteForWatches(record.stream);
    const route = this.#routes.of(record.stream);
    if (route.isEmpty) return;
    this.#ended.reportBefore(record.stream);
    if (route.followed) this.#noteChange(record.stream);
    const audiences = route.audiencesOf(record);
    const since = this.#options.now();
    for (const audience of audiences) audience.countDelivery(since);
    for (const { framing, prefix, sinks } of route.receiverGroupsOf(audiences)) {
      const event = this.#live(encodeEvent(framing, prefix, record), record, since);
      for (const sink of sinks) sink.pushEvent(event);
      this.#options.counters.countDeliveries(sinks.length);
    }
  }

  #noteChange(stream: string): void {
    this.#changes += 1;
    this.#recent.set(stream, this.#changes);
    const { oldest } = this.#recent;
    if (this.#recent.size > MAX_RECENT && oldest !== undefined) this.#recent.delete(oldest[0]);
  }

  /**
   * Returns the streams covered by the selectors that had events after change number `change`. If there are too many for one message,
   * returns the streams with the newest events. Also returns the number of the newest change.
   */
  changedSince(
    change: number,
    selectors: readonly string[],
  ): { readonly streams: readonly string[]; readonly change: number } {
    const streams: string[] = [];
    for (const [stream, at] of this.#recent.byAge())
      if (at > change && selects(selectors, stream)) streams.push(stream);
    return { streams: streams.slice(-MAX_CHANGED), change: this.#changes };
  }

  #live(frame: Buffer, { stream, epoch, sequenceId }: EventRecord, since: number): LiveEvent {
    this.#options.counters.countEncoding();
    return { kind: 'event', frame, stream, epoch, sequenceId, since };
  }

  /** Reports lost events to all subscribers of the stream (GAP-1). */
  reportLoss(loss: StreamLoss): void {
    const { stream, from, to, reason } = loss;
    this.#noteForWatches(stream);
    this.#ended.reportBefore(stream);
    const gap = { stream, from: bare(from), to: bare(to), reason };
    this.#sendGap(this.#routes.of(stream).subscriptions(), gap, placeOf(gap));
  }

  /** Reports to the subscriptions with this pattern that events of streams with unknown names were lost (MUL-9). */
  reportUnnamedLoss(pattern: string): void {
    const gap = { stream: pattern, from: UNKNOWN_POSITION, to: UNKNOWN_POSITION, reason: 'broker_lost' } as const;
    // A pattern is not a stream, so the gap has no place among the events of a stream.
    this.#sendGap(this.#routes.withSelector(pattern), gap, {});
  }

  /** Reports a source loss to the subscribers of the affected paths (GAP-2). */
  reportSourceLoss(loss: SourceLoss): void {
    const { stream, paths } = loss;
    this.#noteForWatches(stream);
    this.#ended.reportBefore(stream);
    const concerned = [...this.#routes.of(stream).subscriptions()];
    const affected = concerned.filter((each) => paths.some((path) => touchesDirectory(each, path)));
    const head = this.#options.headOf(stream);
    if (affected.length === 0 || head === undefined) return;
    const gap = sourceGap(stream, { ...head, paths });
    this.#sendGap(affected, gap, placeOf(gap));
  }

  /** Reports the end of a stream to its subscriptions that follow several streams (MUL-6). */
  reportEnd(stream: string): void {
    this.#noteForWatches(stream);
    const following = [...this.#routes.of(stream).subscriptions()].filter((each) => each.stream === undefined);
    if (following.length > 0) this.#ended.add(stream, following);
    this.#routes.forget(stream);
    this.#recent.delete(stream);
  }

  #sendGap(subscriptions: Iterable<Subscription>, gap: Gap, place: OrderedOptions): void {
    const bySession = Map.groupBy(subscriptions, (each) => each.session);
    for (const [session, mine] of bySession) {
      for (const each of mine) each.gaps += 1;
      const subscriptionIds = mine.map((each) => each.id);
      const message = { type: 'gap', data: { ...gap, subscriptionIds } } as const;
      session.outlet.sendInOrder([message], place);
      this.#options.counters.countGap(gap.reason);
    }
  }
}

/** A client that has not received the gap must resume from the position before the loss. */
function placeOf({ stream, from }: Gap): OrderedOptions {
  return { after: { stream, ...from } };
}

function bare(position: Position): Position {
  return { epoch: position.epoch, sequenceId: position.sequenceId };
}
