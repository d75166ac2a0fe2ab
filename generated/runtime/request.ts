/**
 * Reads the options of a subscription, and makes the request to the server from them.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { BufferOptions } from './subscription.ts';
import { readPosition } from './wire.ts';
import type { Position } from './wire.ts';

/** The options that do not depend on the number of streams. */
export interface FeedSettings {
  readonly events: readonly string[];
  readonly filter: object | undefined;
  readonly limit: number;
  readonly onFull: 'park' | 'error';
  readonly inlineGaps: boolean;
  readonly onItem: ((item: object) => void) | undefined;
  readonly onGap: (gap: object) => void;
  readonly signal: AbortSignal | undefined;
}

/** The part of the request for one stream that does not change between connections. */
export interface StreamRequest {
  readonly stream: string;
  readonly replay: { readonly mode: 'warm' | 'none' } | { readonly mode: 'resume'; readonly after: Position };
}

/** The options of `subscribe` that are read here. */
interface FeedOptions {
  readonly events: readonly string[];
  readonly filter?: object | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly gaps?: 'aside' | 'inline' | undefined;
  readonly buffer?: BufferOptions | undefined;
  readonly onItem?: ((item: never) => void) | undefined;
  readonly onGap?: ((gap: never) => void) | undefined;
}

const DEFAULT_BUFFER = 10_000;

export function readFeedOptions(options: FeedOptions): FeedSettings {
  const { events, filter, buffer = {}, gaps, onItem, onGap = () => undefined, signal } = options;
  return {
    events: [...events],
    filter,
    limit: Math.max(1, buffer.limit ?? DEFAULT_BUFFER),
    onFull: buffer.onFull ?? 'park',
    inlineGaps: gaps === 'inline',
    // From here on, items and gaps are plain objects. Only the public types of `subscribe` distinguish them.
    onItem: onItem as ((item: object) => void) | undefined,
    onGap: onGap as (gap: object) => void,
    signal,
  };
}

/**
 * The defaults are those of the contract: the stream `main`, and a warm picture (the current state) before new events (SUB-1, RPL-1).
 *
 * @throws {TypeError} when `replay` is invalid. A fresh start instead of the error would hide a loss.
 */
export function readStreamRequest({
  stream = 'main',
  replay,
}: {
  readonly stream?: string | undefined;
  readonly replay?: object | undefined;
}): StreamRequest {
  return { stream, replay: readReplay(replay) };
}

function readReplay(replay: object | undefined): StreamRequest['replay'] {
  if (replay === undefined) return { mode: 'warm' };
  const { mode, after } = replay as { readonly mode?: unknown; readonly after?: unknown };
  if (mode === 'warm' || mode === 'none') return { mode };
  if (mode !== 'resume') throw new TypeError('`replay.mode` must be "none", "warm" or "resume".');
  const position = readPosition(after);
  if (position !== undefined) return { mode, after: position };
  throw new TypeError(
    '`replay.after` must be a position {epoch, sequenceId}, as in events; sequenceId is a whole number from 0 to 2^53 - 1.',
  );
}
