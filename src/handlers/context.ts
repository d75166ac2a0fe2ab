/** The parts of the gateway that the handler of a command may use. */
import type { Audit } from '../auth/audit.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Broker } from '../broker/broker.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { EventTable } from '../catalogue/event-table.ts';
import type { Publisher } from '../publishing/publisher.ts';
import type { ReplayBlocks } from '../delivery/replay-blocks.ts';
import type { SubscriptionRegistry } from '../delivery/subscription-registry.ts';
import type { Session } from '../session/session.ts';
import type { Counters } from '../introspection/counters.ts';
import type { TurnBudget } from '../session/turn-budget.ts';

export interface HandlerLimits {
  readonly subscriptionsPerConnection: number;
  readonly eventsPerSubscription: number;
  readonly streamsPerSubscription: number;
  readonly patternsPerFilterField: number;
  readonly patternLength: number;
  readonly filterCharactersPerConnection: number;
  readonly filterBytes: number;
}

/** The parts of `HandlerContext` that all connections of a gateway share. */
export interface HandlerServices {
  readonly broker: Broker;
  readonly catalogue: Catalogue;
  readonly registry: SubscriptionRegistry;
  readonly replayBlocks: ReplayBlocks;
  readonly publisher: Publisher;
  readonly authenticator: Authenticator;
  readonly audit: Audit;
  readonly limits: HandlerLimits;
  /** Replay policies and filter fields per event; replay policies include the operator's overrides (RPL-3). */
  readonly events: EventTable;
  readonly broadcast: 'on' | 'off';
  readonly counters: Counters;
  /** The time budget of a turn, which all commands and HTTP operations share. */
  readonly turn: TurnBudget;
  readonly now: () => number;
  /** Must be called after the credential of a session was replaced, so that the connection ends when the new credential expires. */
  readonly onPrincipal: (session: Session) => void;
}

export interface HandlerContext extends HandlerServices {
  readonly session: Session;
}
