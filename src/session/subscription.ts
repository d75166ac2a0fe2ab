/**
 * One subscription of one connection: what it follows, and what an operator wants to know of it (OPS-2).
 */
import type { Recovery } from '../../generated/types.ts';
import type { Filter } from '../catalogue/catalogue.ts';
import type { EventRecord } from '../broker/broker.ts';
// Cycle of types: a session holds its subscriptions, each of which knows its session.
import type { Session } from './session.ts';

export interface SubscriptionOptions {
  readonly id: string;
  readonly session: Session;
  readonly stream: string;
  readonly events: readonly string[];
  /** Normalised: what is really in force. */
  readonly filter: Filter;
  readonly matches: (record: EventRecord) => boolean;
  readonly replayMode: 'none' | 'warm' | 'resume';
  /** The prefix of a live frame that only this subscription matches. */
  readonly livePrefix: string;
  readonly createdAt: number;
}

export class Subscription {
  readonly id: string;
  readonly session: Session;
  readonly stream: string;
  readonly events: readonly string[];
  readonly filter: Filter;
  readonly matches: (record: EventRecord) => boolean;
  readonly replayMode: 'none' | 'warm' | 'resume';
  readonly livePrefix: string;
  readonly createdAt: number;
  recovery: Recovery = { attempted: false };
  /** Whether `subscribed` has been written: from then on heartbeats name the stream (CON-7). */
  confirmed = false;
  delivered = 0;
  replayed = 0;
  gaps = 0;
  /** Milliseconds since the Unix epoch. */
  lastDeliveredAt: number | undefined;
  replayedAt: number | undefined;

  constructor(options: SubscriptionOptions) {
    this.id = options.id;
    this.session = options.session;
    this.stream = options.stream;
    this.events = options.events;
    this.filter = options.filter;
    this.matches = options.matches;
    this.replayMode = options.replayMode;
    this.livePrefix = options.livePrefix;
    this.createdAt = options.createdAt;
  }
}
