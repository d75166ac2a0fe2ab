/**
 * One subscription of one connection: what it follows, and what an operator wants to know of it (OPS-2).
 */
import type { Recovery } from '../../generated/types.ts';
import type { Filter } from '../catalogue/catalogue.ts';
// Cycle of types: a session holds its subscriptions, each of which knows its session.
import type { Session } from './session.ts';

export interface SubscriptionOptions {
  readonly id: string;
  readonly session: Session;
  readonly stream: string;
  readonly events: readonly string[];
  /** Normalised: what is really in force. */
  readonly filter: Filter;
  readonly replayMode: 'none' | 'warm' | 'resume';
  /** The prefix of a live frame that only this subscription matches. */
  readonly livePrefix: string;
  /** Estimated memory in bytes, counted against the node's budget for filters. */
  readonly bytes: number;
  readonly createdAt: number;
}

export class Subscription {
  readonly id: string;
  readonly session: Session;
  readonly stream: string;
  readonly events: readonly string[];
  readonly filter: Filter;
  readonly replayMode: 'none' | 'warm' | 'resume';
  readonly livePrefix: string;
  readonly bytes: number;
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
    this.replayMode = options.replayMode;
    this.livePrefix = options.livePrefix;
    this.bytes = options.bytes;
    this.createdAt = options.createdAt;
  }
}
