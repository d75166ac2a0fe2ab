/**
 * The streams for which a client has a position, but which have no events, for example after a restart of the gateway. They are attached
 * while the subscription is made, because the gap that ends such a resume names their current epoch (MUL-5).
 */
import type { SubscribeData } from '../../generated/types.ts';
import { StreamUnread } from '../broker/broker.ts';
import type { FollowedStream } from '../broker/broker.ts';
import { selects } from '../broker/stream-selectors.ts';
import type { StreamPosition } from '../replay/record.ts';
import type { Subscription } from '../session/subscription.ts';
import type { HandlerContext } from './context.ts';

/** The positions of a resume, by stream. */
export function positionsOf({ replay }: SubscribeData): ReadonlyMap<string, StreamPosition> {
  const positions = replay !== undefined && 'positions' in replay ? replay.positions : [];
  return new Map(positions.map((each) => [each.stream, each]));
}

/**
 * Calls a function for each item. Continues in later turns of the event loop if the time of a turn is used up; ends if the connection is
 * closed. The client is charged for the processing time.
 */
export async function inSlices<Item>(
  items: Iterable<Item>,
  { session, turn }: Pick<HandlerContext, 'session' | 'turn'>,
  work: (item: Item) => void,
): Promise<void> {
  let measured = turn.measure();
  for (const each of items) {
    work(each);
    if (!turn.over) continue;
    session.chargeWork(measured());
    await turn.admit(session);
    if (session.closed) return;
    measured = turn.measure();
  }
  session.chargeWork(measured());
}

export class AbsentStreams {
  readonly #context: HandlerContext;
  readonly #attached = new Set<string>();

  constructor(context: HandlerContext) {
    this.#context = context;
  }

  /** Attaches the streams without events. After an error, all of them are released. */
  async attach(data: SubscribeData, { selectors }: Subscription): Promise<void> {
    const { broker } = this.#context;
    const attaching: Promise<unknown>[] = [];
    let failed: { readonly error: unknown } | undefined;
    await inSlices(positionsOf(data).keys(), this.#context, (stream) => {
      if (!selects(selectors, stream) || (broker.headOf(stream)?.sequenceId ?? 0) > 0) return;
      const done = broker.attach(stream).then(
        () => this.#attached.add(stream),
        (error: unknown) => {
          // An unreadable stream must not prevent the other streams from being resumed. Its missed events are reported later.
          if (!(error instanceof StreamUnread)) failed = { error };
        },
      );
      attaching.push(done);
    });
    await Promise.all(attaching);
    if (failed === undefined) return;
    await this.release();
    throw failed.error;
  }

  /** Yields the given streams that are attached and still have no events; by default, considers all attached streams. */
  *blank(streams: Iterable<string> = this.#attached): Generator<FollowedStream> {
    const { broker } = this.#context;
    for (const stream of streams) {
      if (!this.#attached.has(stream)) continue;
      const snapshot = broker.snapshot(stream);
      if (snapshot.head.sequenceId === 0) yield { stream, snapshot };
    }
  }

  /** Detaches the streams, in several turns of the event loop if they are many. */
  async release(): Promise<void> {
    const { broker, session, turn } = this.#context;
    const streams = [...this.#attached];
    this.#attached.clear();
    for (const stream of streams) {
      broker.detach(stream);
      if (turn.over) await turn.admit(session);
    }
  }
}
