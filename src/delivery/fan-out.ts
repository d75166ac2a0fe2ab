/**
 * Delivers each event to the connections with a matching subscription. An event is matched once per group of subscriptions with the same
 * filter. Its frame is built once per prefix: for example, a thousand connections whose subscription has the id `ts` share one buffer. The
 * sharing connections are determined when a subscription is added or removed, so that a delivery only has to visit the send queues.
 */
import type { GapData } from '../../generated/types.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { EventRecord, Position, SourceLoss, StreamLoss } from '../broker/broker.ts';
import { encodeEvent } from '../wire/framing.ts';
import type { Counters } from '../introspection/counters.ts';
import type { LiveEvent } from '../session/session.ts';
import { SelectorMap, selects } from '../broker/stream-selectors.ts';
import { sourceGap, touchesDirectory } from '../subscriptions/directories.ts';
import type { Subscription } from '../session/subscription.ts';
import { SubscriptionIndex } from '../subscriptions/subscription-index.ts';
import { Audience, sharesOf } from './audience.ts';
import type { Share } from './audience.ts';
import { StreamChanges } from './stream-changes.ts';

/** The subscriptions of one selector, which is one stream or a pattern that covers several streams. */
interface SelectorFanout {
  readonly selector: string;
  readonly index: SubscriptionIndex<Subscription, Audience>;
  readonly subscriptions: Set<Subscription>;
  /** How many of these subscriptions follow many streams. */
  many: number;
}

/**
 * The selectors that cover a stream. Streams with the same selectors share one route, so that ten thousand session streams need no more
 * memory than one.
 */
interface Route {
  readonly fanouts: readonly SelectorFanout[];
  /** Whether one of the subscriptions follows many streams. */
  readonly followed: boolean;
  /**
   * The audiences of the last event that matched several audiences, with their shares. They are kept, because the next event usually
   * matches the same audiences.
   */
  together: { readonly audiences: readonly Audience[]; readonly shares: readonly Share[] } | undefined;
}

/** The maximum number of cached routes. A route that was dropped is computed again at the next event of its stream. */
const MAX_ROUTES = 100_000;
/** Heartbeats can report changes of this many streams: those with the newest events (MUL-8). */
const MAX_RECENT = 1_024;
/** Equals `maxItems` of `positions` in the contract. */
const MAX_POSITIONS = 256;

export interface FanoutOptions {
  readonly counters: Counters;
  readonly catalogue: Catalogue;
  readonly now: () => number;
  /** The newest position of an attached or followed stream, as this node knows it. */
  readonly headOf: (stream: string) => Position | undefined;
}

export class Fanout {
  readonly #selectors = new SelectorMap<SelectorFanout>();
  /** The route of each stream. Cleared when a selector is added or removed. */
  readonly #routes = new Map<string, Route>();
  /** The route of each list of selectors. Cleared together with `#routes`. */
  readonly #shared = new Map<string, Route>();
  /** For each followed stream, the number of its newest change. Sorted by this number. */
  readonly #recent = new Map<string, number>();
  #changes = 0;
  readonly #watches = new Set<StreamChanges>();
  readonly #options: FanoutOptions;
  #size = 0;

  constructor(options: FanoutOptions) {
    this.#options = options;
  }

  /** From now on, delivers every matching event of the subscription's streams to the subscription. */
  add(subscription: Subscription): void {
    this.#size += 1;
    for (const selector of subscription.selectors) {
      const fanout = this.#selectors.get(selector) ?? this.#begin(selector);
      fanout.subscriptions.add(subscription);
      if (subscription.stream === undefined) fanout.many += 1;
      fanout.index.add({ events: subscription.events, filter: subscription.filter }, subscription);
    }
    this.#forgetRoutes();
  }

  #begin(selector: string): SelectorFanout {
    const index = new SubscriptionIndex<Subscription, Audience>(this.#options.catalogue, () => new Audience());
    const fanout: SelectorFanout = { selector, index, subscriptions: new Set(), many: 0 };
    this.#selectors.set(selector, fanout);
    return fanout;
  }

  /** From now on, delivers no events to the subscription. */
  remove(subscription: Subscription): void {
    let removed = false;
    for (const selector of subscription.selectors) {
      const fanout = this.#selectors.get(selector);
      if (fanout?.subscriptions.delete(subscription) !== true) continue;
      removed = true;
      if (subscription.stream === undefined) fanout.many -= 1;
      fanout.index.remove(subscription);
      if (fanout.subscriptions.size === 0) this.#selectors.delete(selector);
    }
    if (removed) this.#size -= 1;
    this.#forgetRoutes();
  }

  #forgetRoutes(): void {
    this.#routes.clear();
    this.#shared.clear();
  }

  #routeOf(stream: string): Route {
    const known = this.#routes.get(stream);
    if (known !== undefined) return known;
    const fanouts = this.#selectors.covering(stream);
    const key = fanouts.map(({ selector }) => selector).join(' ');
    const followed = fanouts.some(({ many }) => many > 0);
    const route = this.#shared.get(key) ?? { fanouts, followed, together: undefined };
    this.#shared.set(key, route);
    if (this.#routes.size >= MAX_ROUTES) this.#routes.clear();
    this.#routes.set(stream, route);
    return route;
  }

  /** All subscriptions to the stream, including those that also follow other streams. */
  *#subscribersOf(stream: string): Generator<Subscription> {
    for (const { subscriptions } of this.#routeOf(stream).fanouts) yield* subscriptions;
  }

  /** Number of subscriptions on this node that receive live events. */
  get size(): number {
    return this.#size;
  }

  /** All subscriptions on this node that receive live events. Each is returned once. */
  *subscriptions(): Generator<Subscription> {
    for (const { selector, subscriptions } of this.#selectors.values())
      for (const each of subscriptions) if (each.selectors[0] === selector) yield each;
  }

  /** From now on, tracks which of the streams that these selectors cover change, until `stop` of the result is called. */
  watch(selectors: readonly string[]): StreamChanges {
    const changes = new StreamChanges(selectors, (stopped) => this.#watches.delete(stopped));
    this.#watches.add(changes);
    return changes;
  }

  #noteForWatches(stream: string): void {
    for (const each of this.#watches) each.note(stream);
  }

  /** Delivers one live event (EVT-2: one message per connection, whatever matches). */
  deliver(record: EventRecord): void {
    this.#noteForWatches(record.stream);
    const route = this.#routeOf(record.stream);
    if (route.fanouts.length === 0) return;
    if (route.followed) this.#noteChange(record.stream);
    const audiences = audiencesOf(route, record);
    const since = this.#options.now();
    for (const audience of audiences) audience.countDelivery(since);
    for (const { framing, prefix, sinks } of sharesIn(route, audiences)) {
      const event = this.#live(encodeEvent(framing, prefix, record), record, since);
      for (const sink of sinks) sink.pushEvent(event);
      this.#options.counters.countDeliveries(sinks.length);
    }
  }

  #noteChange(stream: string): void {
    this.#changes += 1;
    if (!this.#recent.delete(stream) && this.#recent.size >= MAX_RECENT) {
      const [oldest = ''] = this.#recent.keys();
      this.#recent.delete(oldest);
    }
    this.#recent.set(stream, this.#changes);
  }

  /**
   * The streams that these selectors cover and that had events since the given change. If there are too many for a message, those with the
   * newest events. Also returns the number of the newest change.
   */
  changedSince(
    change: number,
    selectors: readonly string[],
  ): { readonly streams: readonly string[]; readonly change: number } {
    const streams: string[] = [];
    for (const [stream, at] of this.#recent) if (at > change && selects(selectors, stream)) streams.push(stream);
    return { streams: streams.slice(-MAX_POSITIONS), change: this.#changes };
  }

  #live(frame: Buffer, { stream, epoch, sequenceId }: EventRecord, since: number): LiveEvent {
    this.#options.counters.countEncoding();
    return { kind: 'event', frame, stream, epoch, sequenceId, since };
  }

  /** Reports lost events to all subscribers of the stream (GAP-1). */
  lose(loss: StreamLoss): void {
    const { stream, from, to, reason } = loss;
    this.#noteForWatches(stream);
    this.#say(this.#subscribersOf(stream), { stream, from: bare(from), to: bare(to), reason });
  }

  /** Reports a source loss to the subscribers of the affected paths (GAP-2). */
  loseSource(loss: SourceLoss): void {
    const { stream, paths } = loss;
    this.#noteForWatches(stream);
    const concerned = [...this.#subscribersOf(stream)];
    const affected = concerned.filter((each) => paths.some((path) => touchesDirectory(each, path)));
    const head = this.#options.headOf(stream);
    if (affected.length === 0 || head === undefined) return;
    this.#say(affected, sourceGap(stream, { ...head, paths }));
  }

  /** Reports the end of a stream to those subscriptions that follow many streams (MUL-6). */
  end(stream: string): void {
    this.#noteForWatches(stream);
    for (const { id, session, stream: only } of this.#subscribersOf(stream))
      if (only === undefined)
        session.outlet.sendInOrder([
          { type: 'positions', data: { subscriptionId: id, positions: [], ended: [stream] } },
        ]);
    this.#routes.delete(stream);
    this.#recent.delete(stream);
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

function audiencesOf({ fanouts }: Route, record: EventRecord): readonly Audience[] {
  const [first] = fanouts;
  if (first !== undefined && fanouts.length === 1) return first.index.match(record);
  return fanouts.flatMap(({ index }) => index.match(record));
}

/** The receivers of an event that matches these audiences. */
function sharesIn(route: Route, audiences: readonly Audience[]): readonly Share[] {
  const [first] = audiences;
  if (first === undefined) return [];
  if (audiences.length === 1) return first.shares;
  const { together } = route;
  if (together?.audiences.length === audiences.length && audiences.every((each, at) => each === together.audiences[at]))
    return together.shares;
  const shares = sharesOf(audiences.flatMap((each) => [...each]));
  route.together = { audiences, shares };
  return shares;
}

function bare(position: Position): Position {
  return { epoch: position.epoch, sequenceId: position.sequenceId };
}
