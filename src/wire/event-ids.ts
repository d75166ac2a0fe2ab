/**
 * Decides which server-sent events have an `id`, and determines these ids. A client resumes after the last `id` that it received (SSE-2,
 * SSE-5).
 */
import type { ReplayRequest, ServerMessage, StreamPosition, SubscribedData } from '../../generated/types.ts';
import type { Position } from '../replay/record.ts';
import { KnownPositions } from './known-positions.ts';
import { positionToken } from './position-token.ts';
import type { TokenPosition } from './position-token.ts';

export interface EventIds {
  /** Whether an event that a resume replays has an `id`. The `id` is its position, so it depends only on the event. */
  readonly resumed: 'with ids' | 'without ids';
  /** The `id` of a message that is not an event; empty if the message has no `id`. */
  ofMessage(message: ServerMessage): string;
  /** The `id` of a message of a replay that is not an event; empty if the message has no `id`. */
  ofReplayMessage(message: ServerMessage): string;
  /**
   * The `id` of a live event; empty if the `id` is known only when the event is written. Called in the order in which live events are sent,
   * possibly twice for one event.
   */
  ofLive(event: StreamPosition): string;
  /** The `id` of a live event that had no `id` when it was queued. Called when the event is written, in the order of writing. */
  ofWaiting(event: StreamPosition): string;
  /** Called when all messages about the positions of a new subscription to many streams have been framed (MUL-4). */
  positionsFramed(): void;
}

export interface OneStream {
  readonly stream: string;
  readonly replay: ReplayRequest;
}

/** The ids of a subscription to one stream. */
export class OneStreamIds implements EventIds {
  readonly resumed = 'with ids';
  readonly #options: OneStream;
  /** Whether the whole warm picture has been sent. A client that reconnects before that needs the picture again. */
  #picture: 'pending' | 'complete';

  constructor(options: OneStream) {
    this.#options = options;
    this.#picture = options.replay.mode === 'none' ? 'complete' : 'pending';
  }

  ofLive(event: StreamPosition): string {
    return positionToken([event]);
  }

  ofWaiting(event: StreamPosition): string {
    return positionToken([event]);
  }

  positionsFramed(): void {}

  ofReplayMessage(message: ServerMessage): string {
    return this.ofMessage(message);
  }

  ofMessage(message: ServerMessage): string {
    const { stream } = this.#options;
    switch (message.type) {
      case 'subscribed':
        return this.#ofSubscribed(message.data);
      case 'replay_complete':
        this.#picture = 'complete';
        return tokenAt(stream, message.data.position);
      case 'gap':
        return this.#picture === 'pending' ? '' : positionToken([{ stream, ...message.data.to }]);
      case 'heartbeat':
        return this.#picture === 'pending' ? '' : positionToken(message.data.positions);
      default:
        return '';
    }
  }

  /**
   * The `id` of `subscribed`. If a warm replay follows and the client loses its connection before the end of the replay, the client resumes
   * from this `id` (RPL-7).
   */
  #ofSubscribed({ position, recovery }: SubscribedData): string {
    const { stream, replay } = this.#options;
    if (replay.mode === 'none') return tokenAt(stream, position);
    if (replay.mode === 'warm') return tokenAt(stream, position, 'pending');
    if (!('after' in replay) || !recovery.attempted || !recovery.recovered) return '';
    if (replay.withPicture === true) return tokenAt(stream, replay.after, 'pending');
    this.#picture = 'complete';
    return '';
  }
}

/**
 * The ids of a subscription to many streams. During the replay, an `id` contains only the positions of streams whose replay has been sent.
 * Live events are queued behind the replay, so their positions are collected separately until the replay is complete. The `id` of a live
 * event that was queued during the replay depends on the whole replay, so it is known only when the event is written.
 */
export class ManyStreamsIds implements EventIds {
  /**
   * A `positions` message of the replay may be framed before replayed events that precede it, and then it advances `#received` too early.
   * An `id` of these events would include events that the client has not received.
   */
  readonly resumed = 'without ids';
  /** The positions that the client has received from the replay and from the live events that were queued during it. */
  readonly #received = new KnownPositions();
  /** The positions of the client after all live messages that were framed so far have been sent. */
  readonly #live = new KnownPositions();
  readonly #isSent: () => boolean;
  #state: 'replaying' | 'live' = 'replaying';

  /**
   * @param isSent whether everything that was framed so far has been passed to the socket. If not, a heartbeat has no `id`, because a
   * heartbeat overtakes queued events.
   */
  constructor(replay: ReplayRequest, isSent: () => boolean) {
    this.#isSent = isSent;
    if ('positions' in replay) for (const each of replay.positions) this.#received.advance(each);
  }

  ofLive(event: StreamPosition): string {
    this.#live.advance(event);
    return this.#state === 'live' ? this.#live.token() : '';
  }

  ofWaiting(event: StreamPosition): string {
    if (this.#state === 'replaying') return '';
    this.#received.advance(event);
    return this.#received.token();
  }

  ofMessage(message: ServerMessage): string {
    switch (message.type) {
      case 'subscribed':
        return this.#received.token();
      case 'positions':
        for (const each of message.data.ended ?? []) this.#forget(each);
        return '';
      case 'gap':
        // A loss in streams that the server cannot name has no position (MUL-9).
        if (!message.data.stream.endsWith('*')) this.#live.advance({ stream: message.data.stream, ...message.data.to });
        return '';
      case 'heartbeat':
        if (this.#state === 'replaying' || !this.#isSent()) return '';
        for (const each of message.data.positions) this.#live.advance(each);
        return this.#live.token();
      default:
        return '';
    }
  }

  ofReplayMessage(message: ServerMessage): string {
    if (message.type === 'positions') {
      const { positions, ended = [] } = message.data;
      for (const each of positions) this.#received.advance(each);
      for (const each of ended) this.#received.forget(each);
    }
    return message.type === 'positions' || message.type === 'replay_complete' ? this.#received.token() : '';
  }

  /** Forgets a stream that has ended. If the stream appears again, the client has received none of its new events. */
  #forget(stream: string): void {
    this.#live.forget(stream);
    this.#received.forget(stream);
  }

  positionsFramed(): void {
    const begun = [...this.#live];
    for (const each of this.#received) this.#live.advance(each);
    // If a stream began a new epoch during the replay, the positions of its live events are newer. Therefore they are recorded last.
    for (const each of begun) this.#live.advance(each);
    this.#state = 'live';
  }
}

/** The `id` for a position of a subscription to one stream; empty if there is no position. */
function tokenAt(
  stream: string,
  position: Position | undefined,
  picture: TokenPosition['picture'] = 'complete',
): string {
  return position === undefined ? '' : positionToken([{ stream, ...position, picture }]);
}
