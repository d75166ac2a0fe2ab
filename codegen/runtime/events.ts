/**
 * Derives the type of a subscription's events from its patterns, and narrows events at run time.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { ClientGapReason } from './cursor.ts';
import type { Position, Protocol } from './wire.ts';

/** Names of the events that the contract declares. */
export type EventName<P extends Protocol> = keyof P['events'] & string;

/**
 * The name of an event, or a prefix followed by `*` (SUB-1). Any string that is not a declared name is the name of a
 * custom event.
 */
export type EventPattern<P extends Protocol> = EventName<P> | '*' | (string & {});

/** A custom event with a known name, because the pattern has no wildcard. */
type Custom<P extends Protocol, Name extends string> = Omit<P['customEvent'], 'event'> & { readonly event: Name };

type ForOne<P extends Protocol, Pattern extends string> = string extends Pattern
  ? P['events'][EventName<P>] | P['customEvent']
  : Pattern extends `${infer Prefix}*`
    ? P['events'][Extract<EventName<P>, `${Prefix}${string}`>] | P['customEvent']
    : Pattern extends EventName<P>
      ? P['events'][Pattern]
      : Custom<P, Pattern>;

/**
 * The type of the events that a subscription to `Pattern` yields. A declared name selects that event. A wildcard selects
 * every declared event that it covers, and custom events; distinguish them with `isEvent`.
 */
export type EventFor<P extends Protocol, Pattern extends string> = Pattern extends string ? ForOne<P, Pattern> : never;

/** The commands that `client.command()` can send: those that do not change the client's own state. */
export type PlainCommand<P extends Protocol> = Exclude<
  keyof P['commands'] & keyof P['replies'] & string,
  'subscribe' | 'unsubscribe' | 'authenticate'
>;

/** The argument of `broadcast`. The contract gives the type of a declared event's payload; a custom event's payload is any object. */
export type BroadcastOf<P extends Protocol, Name extends string> = Omit<
  P['commands']['broadcast'],
  'event' | 'payload'
> & {
  readonly event: Name;
  readonly payload: Name extends keyof P['payloads'] ? P['payloads'][Name] : P['commands']['broadcast']['payload'];
};

/** A report that events were lost. It takes the place of the missing events in the stream (GAP-1). */
export interface SubscriptionGap<P extends Protocol> {
  readonly kind: 'gap';
  readonly subscriptionId: string;
  /** The stream, or the pattern of the subscription if the server cannot name the streams whose events were lost (MUL-9). */
  readonly stream: string;
  /** The last position before the loss; undefined if the subscription had no position, or if `stream` is a pattern. */
  readonly from: Position | undefined;
  /** Delivery continues after this position; undefined if `stream` is a pattern. */
  readonly to: Position | undefined;
  /** A reason from the contract, or one that the client detected. */
  readonly reason: P['pushes']['gap']['reason'] | ClientGapReason;
  /** How the loss may be repaired. */
  readonly repair: P['pushes']['gap']['repair'] | undefined;
  /** Who detected the loss: `client` if the server sent no `gap` for it. */
  readonly noticedBy: 'server' | 'client';
}

/** Narrows an item of a wildcard subscription to the declared event with this name. */
export type IsEvent<P extends Protocol> = <const Name extends EventName<P>>(
  item: { readonly event: string } | SubscriptionGap<P>,
  name: Name,
) => item is Extract<P['events'][Name], { readonly event: string }>;

export function isEventNamed(item: object, name: string): boolean {
  return 'event' in item && item.event === name;
}

/**
 * Narrows an event of a wildcard subscription to the declared events. Then a `switch` over `event.event` can be
 * exhaustive; with custom events it cannot, because these may have any name.
 */
export type IsDeclared<P extends Protocol> = <Item extends object>(
  item: Item,
) => item is Extract<Item, P['events'][EventName<P>]>;

export function isEventAmong(item: object, names: readonly string[]): boolean {
  return 'event' in item && names.includes(String(item.event));
}

/** Whether an item of a subscription with `gaps: 'inline'` is a gap and not an event. */
export function isGap<Item extends object>(item: Item): item is Extract<Item, { readonly kind: 'gap' }> {
  return 'kind' in item && item.kind === 'gap';
}
