/**
 * Finds the subscriptions that cover a stream, and the connections that share the bytes of an event. Both results are cached. If a
 * subscription is added or removed, only the results for the streams that it covers are computed again.
 *
 *     stream of the event  ──▶  route: all subscriptions to the stream, grouped by the name or pattern of their command
 *     event                ──▶  audiences: groups of equal subscriptions whose filter matches the event
 *     audiences            ──▶  receiver groups: connections that receive the same bytes
 */
import type { Catalogue } from '../catalogue/catalogue.ts';
import { covers } from '../catalogue/event-pattern.ts';
import type { EventRecord } from '../broker/broker.ts';
import { SelectorMap } from '../broker/stream-selectors.ts';
import type { Subscription } from '../session/subscription.ts';
import { SubscriptionIndex } from '../subscriptions/subscription-index.ts';
import { Audience, receiverGroupsOf } from './audience.ts';
import type { ReceiverGroup } from './audience.ts';

/** The maximum number of streams whose route is cached. If there are more, the cache is cleared, and the routes are looked up again. */
const MAX_ROUTES = 100_000;

/** The subscriptions with one selector, which is the name of a stream or a pattern that covers several streams. */
interface SelectorFanout {
  readonly selector: string;
  readonly index: SubscriptionIndex<Subscription, Audience>;
  readonly subscriptions: Set<Subscription>;
  /** The routes that include this selector, by their keys. */
  readonly routes: Map<string, Route>;
  /** How many of these subscriptions follow several streams. */
  many: number;
  /** How often a subscription was added or removed. */
  changes: number;
}

/**
 * The audiences of the last event that matched several audiences, with their receiver groups. The next event usually matches the same ones.
 */
interface Together {
  readonly audiences: readonly Audience[];
  readonly receiverGroups: readonly ReceiverGroup[];
  /** The sum of `changes` of all fan-outs when the receiver groups were determined. */
  readonly changes: number;
}

/**
 * The subscriptions that cover a stream, by selector. Streams that the same selectors cover share one route, so that ten thousand session
 * streams need no more memory than one.
 */
export class Route {
  readonly #fanouts: readonly SelectorFanout[];
  #together: Together | undefined;
  /** Whether one of the route's selectors has no subscriptions any more. The route must then be computed again. */
  stale = false;

  constructor(fanouts: readonly SelectorFanout[]) {
    this.#fanouts = fanouts;
  }

  get isEmpty(): boolean {
    return this.#fanouts.length === 0;
  }

  /** Whether one of the subscriptions follows several streams. */
  get followed(): boolean {
    return this.#fanouts.some(({ many }) => many > 0);
  }

  /** All subscriptions to the stream, including those that also follow other streams. */
  *subscriptions(): Generator<Subscription> {
    for (const { subscriptions } of this.#fanouts) yield* subscriptions;
  }

  audiencesOf(record: EventRecord): readonly Audience[] {
    const [first] = this.#fanouts;
    if (first !== undefined && this.#fanouts.length === 1) return first.index.match(record);
    return this.#fanouts.flatMap(({ index }) => index.match(record));
  }

  /** The receivers of an event that matches these audiences. */
  receiverGroupsOf(audiences: readonly Audience[]): readonly ReceiverGroup[] {
    const [first] = audiences;
    if (first === undefined) return [];
    if (audiences.length === 1) return first.receiverGroups;
    const changes = this.#fanouts.reduce((sum, each) => sum + each.changes, 0);
    const known = this.#together;
    if (
      known?.changes === changes &&
      known.audiences.length === audiences.length &&
      audiences.every((each, at) => each === known.audiences[at])
    )
      return known.receiverGroups;
    const receiverGroups = receiverGroupsOf(audiences.flatMap((each) => [...each]));
    this.#together = { audiences, receiverGroups, changes };
    return receiverGroups;
  }
}

export class Routes {
  readonly #catalogue: Catalogue;
  readonly #selectors = new SelectorMap<SelectorFanout>();
  readonly #byStream = new Map<string, Route>();
  /** The routes by their keys. The key of a route consists of its selectors. */
  readonly #byKey = new Map<string, Route>();
  #size = 0;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** The number of subscriptions. */
  get size(): number {
    return this.#size;
  }

  /** All subscriptions. Each subscription is returned once, even if it has several selectors. */
  *subscriptions(): Generator<Subscription> {
    for (const { selector, subscriptions } of this.#selectors.values())
      for (const each of subscriptions) if (each.selectors[0] === selector) yield each;
  }

  add(subscription: Subscription): void {
    this.#size += 1;
    for (const selector of subscription.selectors) {
      const fanout = this.#selectors.get(selector) ?? this.#begin(selector);
      fanout.subscriptions.add(subscription);
      if (subscription.stream === undefined) fanout.many += 1;
      fanout.changes += 1;
      const spec = { events: subscription.events, filter: subscription.filter };
      subscription.shareSpec(fanout.index.add(spec, subscription));
    }
  }

  remove(subscription: Subscription): void {
    let removed = false;
    for (const selector of subscription.selectors) {
      const fanout = this.#selectors.get(selector);
      if (fanout?.subscriptions.delete(subscription) !== true) continue;
      removed = true;
      if (subscription.stream === undefined) fanout.many -= 1;
      fanout.changes += 1;
      fanout.index.remove(subscription);
      if (fanout.subscriptions.size === 0) this.#end(fanout);
    }
    if (removed) this.#size -= 1;
  }

  /** The subscriptions with exactly this selector. */
  withSelector(selector: string): Iterable<Subscription> {
    return this.#selectors.get(selector)?.subscriptions ?? [];
  }

  of(stream: string): Route {
    const known = this.#byStream.get(stream);
    if (known?.stale === false) return known;
    const fanouts = this.#selectors.covering(stream);
    const key = fanouts.map(({ selector }) => selector).join(' ');
    const route = this.#byKey.get(key) ?? this.#newRoute(key, fanouts);
    if (this.#byStream.size >= MAX_ROUTES) this.#byStream.clear();
    this.#byStream.set(stream, route);
    return route;
  }

  /** Drops the cached route of a stream that has ended. */
  forget(stream: string): void {
    this.#byStream.delete(stream);
  }

  #newRoute(key: string, fanouts: readonly SelectorFanout[]): Route {
    const route = new Route(fanouts);
    this.#byKey.set(key, route);
    for (const { routes } of fanouts) routes.set(key, route);
    return route;
  }

  #begin(selector: string): SelectorFanout {
    const fanout: SelectorFanout = {
      selector,
      index: new SubscriptionIndex<Subscription, Audience>(this.#catalogue, () => new Audience()),
      subscriptions: new Set(),
      routes: new Map(),
      many: 0,
      changes: 0,
    };
    this.#selectors.set(selector, fanout);
    if (!selector.endsWith('*')) this.#byStream.delete(selector);
    else for (const stream of this.#byStream.keys()) if (covers(selector, stream)) this.#byStream.delete(stream);
    return fanout;
  }

  #end({ selector, routes }: SelectorFanout): void {
    this.#selectors.delete(selector);
    for (const [key, route] of routes) {
      route.stale = true;
      this.#byKey.delete(key);
    }
  }
}
