/**
 * The public interface of a subscription to several streams.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { EventPattern } from './events.ts';
import type { SubscribeOptions, Subscription } from './subscription.ts';
import type { Protocol, StreamPosition } from './wire.ts';

/** Options of `followStreams`. All other options are those of `client.subscribe`. */
export interface FollowOptions<
  P extends Protocol,
  Pattern extends EventPattern<P>,
  Gaps extends 'aside' | 'inline',
> extends Omit<SubscribeOptions<P, Pattern, Gaps>, 'stream' | 'replay'> {
  /** Names of streams, and prefixes of names followed by `*`. Streams that appear later are followed too (MUL-1, MUL-3). */
  readonly streams: readonly string[];
  /**
   * The replay of the first subscribe. After a lost connection each stream resumes automatically at its own position. A stream without
   * a position in `positions` is replayed from its first event. Default: warm.
   */
  readonly replay?:
    | { readonly mode: 'none' | 'warm' }
    | { readonly mode: 'resume'; readonly positions: readonly StreamPosition[] }
    | undefined;
}

/** The content of `replay_complete` for a subscription to several streams (MUL-7). */
export interface StreamsReplay {
  readonly count: number;
  /**
   * Whether the warm picture of a stream may be incomplete, because the server's history is limited. The warm picture is the current state
   * that a new subscriber receives first.
   */
  readonly truncated: boolean;
}

/**
 * A subscription to several streams that continues over reconnects. Iterate it once; leaving the loop unsubscribes.
 *
 * The events of each stream are in the order of the stream, each exactly once, over any number of connections; the
 * order between streams is not defined. For each stream, the two exceptions of a {@link Subscription} apply;
 * a gap names its stream.
 */
export interface StreamsSubscription<P extends Protocol, Item> extends Omit<
  Subscription<P, Item>,
  'stream' | 'position' | 'ready' | 'caughtUp' | 'replay'
> {
  /**
   * The names and patterns of streams. After `subscribed`, the list that the server uses: each pattern is narrowed to the streams that the
   * client's scopes permit, and a name or pattern that another pattern covers is removed (MUL-1, MUL-2).
   */
  readonly streams: readonly string[];
  /**
   * The positions of the reader. A resume with them, in this process or another, delivers every event that was not
   * read yet, including events of streams that appear later. Undefined until the first warm replay is complete.
   */
  readonly positions: readonly StreamPosition[] | undefined;
  /** `data` of the first `subscribed`. Rejects when the subscription ends before it is received. */
  readonly ready: Promise<P['replies']['subscribe']>;
  /**
   * Resolves when the first replay is complete; with `mode: none`, when the server has confirmed the subscription. Rejects
   * with the same errors as `ready`.
   */
  readonly caughtUp: Promise<StreamsReplay>;
  /** The latest replay. */
  readonly replay: StreamsReplay | undefined;
  /**
   * How many events of all streams lie between the reader and the newest reported position of each stream. Until the next heartbeat, this
   * includes events that the subscription does not select. Undefined while no positions are known.
   */
  readonly lag: number | undefined;
}
