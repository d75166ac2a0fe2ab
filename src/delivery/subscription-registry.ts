/** Opens and ends subscriptions. Keeps the session, the fan-out and the broker consistent with each other. */
import type { Broker } from '../broker/broker.ts';
import { Budget } from '../replay/budget.ts';
import type { Fanout } from './fan-out.ts';
import type { StreamChanges } from './stream-changes.ts';
import type { Session } from '../session/session.ts';
import type { Subscription } from '../session/subscription.ts';

export class SubscriptionRegistry {
  readonly #broker: Broker;
  readonly #fanout: Fanout;
  /** For each principal, the memory of its subscriptions on this node. */
  readonly filters: Budget;

  constructor(options: {
    readonly broker: Broker;
    readonly fanout: Fanout;
    readonly limits: { readonly filterBytes: number };
  }) {
    this.#broker = options.broker;
    this.#fanout = options.fanout;
    this.filters = new Budget(options.limits.filterBytes);
  }

  /**
   * Starts to record which of the streams covered by the selectors change. Call `stop` of the result to end the recording. The selectors
   * must be followed.
   */
  watchStreams(selectors: readonly string[]): StreamChanges {
    return this.#fanout.watch(selectors);
  }

  /**
   * Makes a subscription live. Its streams must already be attached or followed ({@link holdStreams}). {@link end} detaches or unfollows
   * them.
   */
  open(subscription: Subscription): void {
    const { session } = subscription;
    session.subscriptions.set(subscription.id, subscription);
    subscription.countedFor = session.principal.id;
    this.filters.count(session.principal.id, subscription.bytes);
    this.#fanout.add(subscription);
  }

  /** Ends a subscription. Events that are already queued for it are still sent. */
  end(subscription: Subscription): void {
    const { session } = subscription;
    if (!session.subscriptions.delete(subscription.id)) return;
    this.filters.count(subscription.countedFor ?? '', -subscription.bytes);
    this.#fanout.remove(subscription);
    releaseStreams(this.#broker, subscription);
  }

  /** Ends all subscriptions of a closed connection. */
  endAll(session: Session): void {
    for (const subscription of [...session.subscriptions.values()]) this.end(subscription);
  }
}

/**
 * Attaches or follows the streams of a new subscription. Afterwards, this node has every event of these streams that was published before
 * the call. @throws {ProtocolError} `broker_unavailable`
 */
export async function holdStreams(
  broker: Broker,
  subscription: Pick<Subscription, 'stream' | 'selectors'>,
): Promise<void> {
  const { stream, selectors } = subscription;
  if (stream !== undefined) {
    await broker.attach(stream);
    return syncOrDetach(broker, stream);
  }
  const outcomes = await Promise.allSettled(selectors.map((each) => broker.follow(each)));
  const failed = outcomes.find((each) => each.status === 'rejected');
  if (failed === undefined) return;
  for (const [at, { status }] of outcomes.entries()) if (status === 'fulfilled') broker.unfollow(selectors[at] ?? '');
  throw failed.reason;
}

async function syncOrDetach(broker: Broker, stream: string): Promise<void> {
  try {
    await broker.sync(stream);
  } catch (error) {
    broker.detach(stream);
    throw error;
  }
}

export function releaseStreams(
  broker: Broker,
  { stream, selectors }: Pick<Subscription, 'stream' | 'selectors'>,
): void {
  if (stream !== undefined) broker.detach(stream);
  else for (const each of selectors) broker.unfollow(each);
}
