/**
 * Streams that a client wants to resume, but that have no events, for example after a restart of the gateway. A resume of such a stream
 * fails, and the gap that reports this names the current epoch of the stream (MUL-5). To know this epoch, the node attaches the stream
 * (begins to mirror it) while the subscription is made.
 */
import type { SubscribeData } from '../../generated/types.ts';
import { StreamUnread } from '../broker/broker.ts';
import type { FollowedStream } from '../broker/broker.ts';
import { selects } from '../broker/stream-selectors.ts';
import type { StreamPosition } from '../replay/record.ts';
import { inSlices } from '../session/slices.ts';
import type { SliceOptions } from '../session/slices.ts';
import type { Subscription } from '../session/subscription.ts';
import type { HandlerContext } from './context.ts';

/** The positions of a resume, by stream. */
export function positionsOf({ replay }: SubscribeData): ReadonlyMap<string, StreamPosition> {
  const positions = replay !== undefined && 'positions' in replay ? replay.positions : [];
  return new Map(positions.map((each) => [each.stream, each]));
}

/** The slices of a command: the client is charged for their processing time, and they end early if the connection is closed. */
export function slicesOf({ session, turn }: Pick<HandlerContext, 'session' | 'turn'>): SliceOptions {
  return {
    turn,
    client: session,
    onSlice: (ms) => session.chargeWork(ms),
    isCancelled: () => session.closed,
  };
}

export class AbsentStreams {
  readonly #context: HandlerContext;
  readonly #attached = new Set<string>();

  constructor(context: HandlerContext) {
    this.#context = context;
  }

  /** Attaches the streams without events. If one of them cannot be attached, all are released and the error is thrown. */
  async attach(data: SubscribeData, { selectors }: Subscription): Promise<void> {
    const { broker } = this.#context;
    const attaching: Promise<unknown>[] = [];
    let failed: { readonly error: unknown } | undefined;
    await inSlices(positionsOf(data).keys(), slicesOf(this.#context), (stream) => {
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

  /**
   * Yields the streams that still have no events.
   * @param streams the streams to consider, by default all that this object has attached; other streams are skipped
   */
  *blank(streams: Iterable<string> = this.#attached): Generator<FollowedStream> {
    const { broker } = this.#context;
    for (const stream of streams) {
      if (!this.#attached.has(stream)) continue;
      const snapshot = broker.snapshot(stream);
      if (snapshot.head.sequenceId === 0) yield { stream, snapshot };
    }
  }

  /** Detaches all streams that `attach` has attached. If there are many, this takes several turns of the event loop. */
  async release(): Promise<void> {
    const { broker, session, turn } = this.#context;
    const streams = [...this.#attached];
    this.#attached.clear();
    for (const stream of streams) {
      broker.detach(stream);
      if (turn.over) await turn.readmit(session);
    }
  }
}
