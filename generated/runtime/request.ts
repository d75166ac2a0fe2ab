/**
 * Reads the options of a subscription into the request for the server.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import type { BufferOptions } from './subscription.ts';
import { readPosition } from './wire.ts';
import type { Position } from './wire.ts';

/** The parts of the `subscribe` command that do not change between connections. */
export interface FeedRequest {
  readonly stream: string;
  readonly events: readonly string[];
  readonly filter: object | undefined;
  readonly replay: { readonly mode: 'warm' | 'none' } | { readonly mode: 'resume'; readonly after: Position };
}

/** The settings of a feed that follow from the options of `subscribe`. */
export interface FeedSettings {
  readonly request: FeedRequest;
  readonly limit: number;
  readonly onFull: 'park' | 'error';
  readonly inlineGaps: boolean;
  readonly onItem: ((item: object) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The options of `subscribe` that are read here. */
interface RequestOptions {
  readonly events: readonly string[];
  readonly stream?: string | undefined;
  readonly filter?: object | undefined;
  readonly replay?: object | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly gaps?: 'aside' | 'inline' | undefined;
  readonly buffer?: BufferOptions | undefined;
  readonly onItem?: ((item: never) => void) | undefined;
}

const DEFAULT_BUFFER = 10_000;

/**
 * Reads the options. The defaults are those of the contract: stream `main`, and a warm replay (SUB-1, RPL-1).
 *
 * @throws {TypeError} when `replay` is invalid. It is not replaced by a fresh start, because this would hide a loss.
 */
export function readFeedOptions(options: RequestOptions): FeedSettings {
  const { events, stream = 'main', filter, replay, buffer = {}, gaps, onItem, signal } = options;
  return {
    request: { stream, events: [...events], filter, replay: readReplay(replay) },
    limit: Math.max(1, buffer.limit ?? DEFAULT_BUFFER),
    onFull: buffer.onFull ?? 'park',
    inlineGaps: gaps === 'inline',
    // The facade gives the items their types.
    onItem: onItem as ((item: object) => void) | undefined,
    signal,
  };
}

function readReplay(replay: object | undefined): FeedRequest['replay'] {
  if (replay === undefined) return { mode: 'warm' };
  const { mode, after } = { mode: undefined, after: undefined, ...replay } as { mode?: unknown; after?: unknown };
  if (mode === 'warm' || mode === 'none') return { mode };
  if (mode !== 'resume') throw new TypeError('`replay.mode` must be "none", "warm" or "resume".');
  const position = readPosition(after);
  if (position !== undefined) return { mode, after: position };
  throw new TypeError(
    '`replay.after` must be a position {epoch, sequenceId}, as in events; sequenceId is a whole number from 0 to 2^53 - 1.',
  );
}
