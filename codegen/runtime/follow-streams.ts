/**
 * Subscribes to several streams, and waits for an event on several streams. This is a separate export, so an application that follows one
 * stream does not load it.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { ClientCore } from './client-core.ts';
import type { EventFor, EventPattern } from './events.ts';
import { readFeedOptions } from './request.ts';
import { StreamsFeed } from './streams-feed.ts';
import { readStreamsRequest } from './streams-request.ts';
import type { FollowOptions, StreamsSubscription } from './streams-subscription.ts';
import type { ItemOf } from './subscription.ts';
import { firstEvent } from './wait.ts';
import type { WaitOptions } from './wait.ts';
import { isObject, isWholeNumber } from './wire.ts';
import type { Protocol, StreamPosition } from './wire.ts';

/** Size limit of a command, in bytes, if the server does not announce its limit: the contract's default. */
const DEFAULT_ROOM_BYTES = 65_536;

/** @throws what `subscribe` of the client documents; {TypeError} when `streams` is empty. */
export function followStreams<
  P extends Protocol,
  const Pattern extends EventPattern<P>,
  const Gaps extends 'aside' | 'inline' = 'aside',
>(client: ClientCore<P>, options: FollowOptions<P, Pattern, Gaps>): StreamsSubscription<P, ItemOf<P, Pattern, Gaps>> {
  const request = {
    ...readFeedOptions(options),
    ...readStreamsRequest(options),
    roomBytes: roomOf(client),
  };
  const feed = client.attach((id, port) => new StreamsFeed({ id, port, ...request }), options.subscriptionId);
  // This cast gives received data the types of the contract; the data itself is not checked.
  return feed as unknown as StreamsSubscription<P, ItemOf<P, Pattern, Gaps>>;
}

/** The options `streams` and `filter` are those of `followStreams`; all other options are those of `client.waitFor`. */
export interface StreamsWaitOptions<P extends Protocol> extends Omit<WaitOptions<P>, 'stream' | 'since'> {
  readonly streams: readonly string[];
  /**
   * Also accepts events from before the wait. For a stream with a position in this list: the events after that position. For any
   * other stream: all events. Default: only events published from now on.
   */
  readonly since?: readonly StreamPosition[] | undefined;
}

export interface StreamsWaited<Event> {
  readonly event: Event;
  /** The positions of the streams after the event. Pass them as `since` to wait for the next event, or resume a subscription with them. */
  readonly positions: readonly StreamPosition[];
}

/** @throws what `waitFor` of the client documents; the errors have `positions` instead of a position. */
export async function waitOnStreams<P extends Protocol, const Pattern extends EventPattern<P>>(
  client: ClientCore<P>,
  event: Pattern,
  predicate: (event: EventFor<P, Pattern>) => boolean,
  options: StreamsWaitOptions<P>,
): Promise<StreamsWaited<EventFor<P, Pattern>>> {
  const { streams, filter, since, signal } = options;
  signal?.throwIfAborted();
  const replay = since === undefined ? ({ mode: 'none' } as const) : ({ mode: 'resume', positions: since } as const);
  const subscription = followStreams(client, { streams, events: [event], gaps: 'inline', replay, filter });
  const placeOf = () => ({ positions: subscription.positions ?? since });
  const found = await firstEvent(subscription, predicate, {
    ...options,
    what: `"${event}" on ${streams.map((each) => `"${each}"`).join(', ')}`,
    placeOf,
  });
  return { event: found as EventFor<P, Pattern>, positions: subscription.positions ?? [] };
}

/**
 * For each client, a function that returns the size of the largest command that its server accepts, in bytes. The limit of the last
 * connection is kept, because after a reconnect a client subscribes before it has received the new `welcome`.
 */
const rooms = new WeakMap<object, () => number>();

function roomOf<P extends Protocol>(client: ClientCore<P>): () => number {
  const known = rooms.get(client);
  if (known !== undefined) return known;
  let room = readRoom(client.welcome);
  client.on('welcome', (welcome) => (room = readRoom(welcome)));
  const read = (): number => room;
  rooms.set(client, read);
  return read;
}

function readRoom(welcome: object | undefined): number {
  const limits = welcome !== undefined && 'limits' in welcome && isObject(welcome.limits) ? welcome.limits : {};
  const { inboundMessageBytes } = limits;
  return isWholeNumber(inboundMessageBytes) ? inboundMessageBytes : DEFAULT_ROOM_BYTES;
}
