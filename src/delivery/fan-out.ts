/**
 * Delivers one event to the connections with a matching subscription. The event is matched once per group of equal filters, and its frame
 * is built once per distinct prefix: a thousand connections whose subscription has the id `ts` share one buffer. The sharing connections
 * are determined when a subscription is added or removed, so that a delivery visits only the send queues.
 */
import type { GapData } from '../../generated/types.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { EventRecord, Position, SourceLoss, StreamLoss } from '../broker/broker.ts';
import { encodeEvent } from '../wire/framing.ts';
import type { Counters } from '../introspection/counters.ts';
import type { LiveEvent } from '../session/session.ts';
import { sourceGap, touchesDirectory } from '../subscriptions/directories.ts';
import type { Subscription } from '../session/subscription.ts';
import { SubscriptionIndex } from '../subscriptions/subscription-index.ts';
import { Audience, sharesOf } from './audience.ts';
import type { Share } from './audience.ts';

interface StreamFanout {
  readonly index: SubscriptionIndex<Subscription, Audience>;
  readonly subscriptions: Set<Subscription>;
  /** The audiences of the last event that matched several, with their shares. The next event mostly matches the same audiences. */
  together: { readonly audiences: readonly Audience[]; readonly shares: readonly Share[] } | undefined;
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

  /** Delivers every matching event of the stream to the subscription from now on. */
  add(subscription: Subscription): void {
    let stream = this.#streams.get(subscription.stream);
    if (stream === undefined) {
      const index = new SubscriptionIndex<Subscription, Audience>(this.#options.catalogue, () => new Audience());
      stream = { index, subscriptions: new Set(), together: undefined };
      this.#streams.set(subscription.stream, stream);
    }
    stream.subscriptions.add(subscription);
    stream.together = undefined;
    this.#size += 1;
    stream.index.add({ events: subscription.events, filter: subscription.filter }, subscription);
  }

  /** Delivers nothing to the subscription from now on. */
  remove(subscription: Subscription): void {
    const stream = this.#streams.get(subscription.stream);
    if (stream === undefined || !stream.subscriptions.delete(subscription)) return;
    this.#size -= 1;
    stream.index.remove(subscription);
    stream.together = undefined;
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
    const stream = this.#streams.get(record.stream);
    if (stream === undefined) return;
    const audiences = stream.index.match(record);
    const since = this.#options.now();
    for (const audience of audiences) audience.countDelivery(since);
    for (const { framing, prefix, sinks } of sharesIn(stream, audiences)) {
      const event = this.#live(encodeEvent(framing, prefix, record), record, since);
      for (const sink of sinks) sink.pushEvent(event);
      this.#options.counters.countDeliveries(sinks.length);
    }
  }

  #live(frame: Buffer, { stream, epoch, sequenceId }: EventRecord, since: number): LiveEvent {
    this.#options.counters.countEncoding();
    return { kind: 'event', frame, stream, epoch, sequenceId, since };
  }

  /** Reports to every subscriber of the stream which events cannot be delivered (GAP-1). */
  lose(loss: StreamLoss): void {
    const { stream, from, to, reason } = loss;
    const concerned = this.#streams.get(stream)?.subscriptions ?? [];
    this.#say(concerned, { stream, from: bare(from), to: bare(to), reason });
  }

  /** Reports a source loss to the subscribers of the affected paths (GAP-2). */
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

/** The receivers of an event that matches these audiences of a stream. */
function sharesIn(stream: StreamFanout, audiences: readonly Audience[]): readonly Share[] {
  const [first] = audiences;
  if (first === undefined) return [];
  if (audiences.length === 1) return first.shares;
  const { together } = stream;
  if (together?.audiences.length === audiences.length && audiences.every((each, at) => each === together.audiences[at]))
    return together.shares;
  const shares = sharesOf(audiences.flatMap((each) => [...each]));
  stream.together = { audiences, shares };
  return shares;
}

function bare(position: Position): Position {
  return { epoch: position.epoch, sequenceId: position.sequenceId };
}
