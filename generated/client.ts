// The client: gives the runtime the types and constants of the contract.
// Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.

import { ClientCore } from './runtime/client-core.ts';
import { isEventAmong, isEventNamed } from './runtime/events.ts';
import type { EventFor, IsDeclared, IsEvent, SubscriptionGap } from './runtime/events.ts';
import type { ClientOptions } from './runtime/settings.ts';
import type { Subscription } from './runtime/subscription.ts';
import { CONTRACT_DIGEST, CREDENTIAL_PARAMETERS, SUBPROTOCOL } from './protocol.ts';
import type { CommandDataMap, CustomEvent as CustomEventData, EventMap, PayloadMap, PushDataMap, ReplyDataMap } from './types.ts';

/** The contract's types, in the form that the runtime expects. */
export interface TidemarkProtocol {
  readonly commands: CommandDataMap;
  readonly replies: ReplyDataMap;
  readonly pushes: PushDataMap;
  readonly events: EventMap;
  readonly payloads: PayloadMap;
  readonly customEvent: CustomEventData;
}

const SPEC = {
  contractDigest: CONTRACT_DIGEST,
  events: ['file_change', 'entity_created', 'entity_updated', 'entity_deleted', 'relationship_created', 'relationship_updated', 'relationship_deleted', 'graph_update', 'sync_status', 'session_event'],
  subprotocol: SUBPROTOCOL,
  // Contains only what the client reads. COMMANDS and CLOSE_CODES have more members, which web pages would have to load.
  commands: { subscribe: { reply: 'subscribed' }, unsubscribe: { reply: 'unsubscribed' }, list_subscriptions: { reply: 'subscriptions' }, broadcast: { reply: 'broadcasted' }, authenticate: { reply: 'authenticated' }, sync: { reply: 'synced' }, ping: { reply: 'pong' } },
  closeCodes: { 4000: { name: 'protocol_error', class: 'do-not-retry' as const }, 4003: { name: 'forbidden', class: 'do-not-retry' as const }, 4006: { name: 'unsupported_version', class: 'do-not-retry' as const }, 4008: { name: 'auth_timeout', class: 'do-not-retry' as const }, 4009: { name: 'removed', class: 'do-not-retry' as const }, 4100: { name: 'token_expired', class: 'refresh' as const }, 4101: { name: 'token_revoked', class: 'refresh' as const }, 4200: { name: 'shutdown', class: 'retry-resume' as const }, 4201: { name: 'slow_consumer', class: 'retry-resume' as const }, 4202: { name: 'overloaded', class: 'retry-resume' as const }, 4203: { name: 'heartbeat_timeout', class: 'retry-resume' as const }, 4204: { name: 'rate_limited', class: 'retry-resume' as const }, 4205: { name: 'disconnected', class: 'retry-resume' as const }, 4300: { name: 'state_invalidated', class: 'retry-fresh' as const } },
  credentialParameters: CREDENTIAL_PARAMETERS,
};

/** A client that reconnects automatically. Its subscriptions resume at their positions. */
export class TidemarkClient extends ClientCore<TidemarkProtocol> {
  /** @throws {TypeError} when the address is invalid, or the platform has no WebSocket. */
  constructor(options: ClientOptions) {
    super(SPEC, options);
  }
}

/**
 * Creates a client that does not connect yet. The first subscription, command or `connect()` opens the connection.
 * @throws {TypeError} in the same cases as the constructor of {@link TidemarkClient}.
 */
export function createClient(options: ClientOptions): TidemarkClient {
  return new TidemarkClient(options);
}

/** Narrows an event of a wildcard subscription to one declared event: `if (isEvent(event, 'file_change')) …`. */
export const isEvent: IsEvent<TidemarkProtocol> = isEventNamed as IsEvent<TidemarkProtocol>;

/**
 * Narrows an event of a wildcard subscription to the declared events, so that a `switch` over `event.event` can be
 * exhaustive without a cast. A custom event may have any name, so handle it outside the `switch`.
 */
export const isDeclared = ((item: object) => isEventAmong(item, SPEC.events)) as IsDeclared<TidemarkProtocol>;

/** The type of events that a subscription to `Pattern` yields. */
export type TidemarkEvent<Pattern extends string = '*'> = EventFor<TidemarkProtocol, Pattern>;
export type TidemarkSubscription<Item = TidemarkEvent> = Subscription<TidemarkProtocol, Item>;
export type TidemarkGap = SubscriptionGap<TidemarkProtocol>;

export { isGap } from './runtime/events.ts';
export { ConnectionError, ProtocolViolation, SubscriptionError, TidemarkError, WaitError } from './runtime/errors.ts';
export type { ContractMatch } from './runtime/contract-match.ts';
export type { Diagnosis, SubscriptionDiagnosis } from './runtime/diagnosis.ts';
export type { ClientOptions } from './runtime/settings.ts';
export { settled } from './runtime/settled.ts';
export type { SettleOptions } from './runtime/settled.ts';
export type { Waited, WaitOptions } from './runtime/wait.ts';
export type { Position } from './runtime/wire.ts';
