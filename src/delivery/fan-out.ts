/**
 * From one event to the connections that want it. The event is matched once per group of equal filters, and its frame is
 * built once per distinct prefix: a thousand connections whose subscription is called `ts` share one buffer.
 */
import type { GapData } from '../../generated/types.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { EventRecord, Position, SourceLoss, StreamLoss } from '../broker/broker.ts';
import { encodeEvent, eventPrefix } from '../wire/codec.ts';
import type { Counters } from '../introspection/counters.ts';
import type { Session } from '../session/session.ts';
import { sourceGap, touchesDirectory } from '../subscriptions/directories.ts';
import type { Subscription } from '../session/subscription.ts';
import { SubscriptionIndex } from '../subscriptions/subscription-index.ts';

interface StreamFanout {
  readonly index: SubscriptionIndex<Subscription>;
  readonly subscriptions: Set<Subscription>;
}

export interface FanoutOptions {
  readonly counters: Counters;
  readonly catalogue: Catalogue;
  readonly now: () => number;
  /** The newest position of an attached stream, as this node knows it. */
  readonly headOf: (stream: string) => Position;
}

export class Fanout {
  readonly #streams = new Map<string, StreamFanout>();
  readonly #options: FanoutOptions;
  #size = 0;

  constructor(options: FanoutOptions) {
    this.#options = options;
  }

  /** From now on every matching event of the stream reaches the subscription. */
  add(subscription: Subscription): void {
    let stream = this.#streams.get(subscription.stream);
    if (stream === undefined) {
      stream = { index: new SubscriptionIndex(this.#options.catalogue), subscriptions: new Set() };
      this.#streams.set(subscription.stream, stream);
    }
    stream.subscriptions.add(subscription);
    this.#size += 1;
    stream.index.add({ events: subscription.events, filter: subscription.filter }, subscription);
  }

  /** From now on none does. */
  remove(subscription: Subscription): void {
    const stream = this.#streams.get(subscription.stream);
    if (stream === undefined || !stream.subscriptions.delete(subscription)) return;
    this.#size -= 1;
    stream.index.remove(subscription);
    if (stream.subscriptions.size === 0) this.#streams.delete(subscription.stream);
  }

  /** Live subscriptions of this node. */
  get size(): number {
    return this.#size;
  }

  /** Every live subscription of this node. */
  *subscriptions(): Generator<Subscription> {
    for (const stream of this.#streams.values()) yield* stream.subscriptions;
  }

  /** Delivers one live event (EVT-2: one message per connection, whatever matches). */
  deliver(record: EventRecord): void {
    const matching = this.#streams.get(record.stream)?.index.match(record) ?? [];
    const touched: Session[] = [];
    const now = this.#options.now();
    for (const subscription of matching) {
      const { session } = subscription;
      if (session.matched.push(subscription) === 1) touched.push(session);
      subscription.delivered += 1;
      subscription.lastDeliveredAt = now;
    }
    const frames = new Map<string, Buffer>();
    for (const session of touched) {
      const prefix = livePrefix(session.matched);
      session.matched.length = 0;
      session.outlet.sendEvent(this.#frame(frames, prefix, record), record);
    }
    this.#options.counters.countDeliveries(touched.length);
  }

  #frame(frames: Map<string, Buffer>, prefix: string, record: EventRecord): Buffer {
    const known = frames.get(prefix);
    if (known !== undefined) return known;
    const frame = encodeEvent(prefix, record);
    this.#options.counters.countEncoding();
    frames.set(prefix, frame);
    return frame;
  }

  /** Says to every subscriber of the stream what will not be delivered (GAP-1). */
  lose(loss: StreamLoss): void {
    const { stream, from, to, reason } = loss;
    const concerned = this.#streams.get(stream)?.subscriptions ?? [];
    this.#say(concerned, { stream, from: bare(from), to: bare(to), reason });
  }

  /** Says to the subscribers of the affected paths that a source lost track (GAP-2). */
  loseSource(loss: SourceLoss): void {
    const { stream, paths } = loss;
    const concerned = [...(this.#streams.get(stream)?.subscriptions ?? [])];
    const affected = concerned.filter((each) => paths.some((path) => touchesDirectory(each, path)));
    if (affected.length === 0) return;
    this.#say(affected, sourceGap(stream, { ...this.#options.headOf(stream), paths }));
  }

  #say(subscriptions: Iterable<Subscription>, gap: Omit<GapData, 'subscriptionIds'>): void {
    const bySession = Map.groupBy(subscriptions, (each) => each.session);
    for (const [session, mine] of bySession) {
      for (const each of mine) each.gaps += 1;
      const subscriptionIds = mine.map((each) => each.id);
      const message = { type: 'gap', data: { ...gap, subscriptionIds } } as const;
      session.outlet.sendInOrder([message], { after: { stream: gap.stream, ...gap.from } });
      this.#options.counters.countGap(gap.reason);
    }
  }
}

/** Sorted, so that connections with the same subscriptions share the frame, however they came by them. */
function livePrefix(matched: readonly Subscription[]): string {
  const [only] = matched;
  if (matched.length === 1 && only !== undefined) return only.livePrefix;
  return eventPrefix(matched.map((each) => each.id).toSorted());
}

function bare(position: Position): Position {
  return { epoch: position.epoch, sequenceId: position.sequenceId };
}
