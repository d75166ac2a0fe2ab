/**
 * What a subscription asks of the server, once read from its options.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { readPosition } from './wire.ts';
import type { Position } from './wire.ts';

/** The `subscribe` command without the part that changes between connections. */
export interface FeedRequest {
  readonly stream: string;
  readonly events: readonly string[];
  readonly filter: object | undefined;
  readonly replay: { readonly mode: 'warm' | 'none' } | { readonly mode: 'resume'; readonly after: Position };
}

/**
 * The defaults are the contract's: stream `main`, a warm picture first (SUB-1, RPL-1).
 *
 * @throws {TypeError} when `replay` is none of the contract's: to begin anew instead would hide a loss.
 */
export function readRequest(options: {
  readonly events: readonly string[];
  readonly stream?: string | undefined;
  readonly filter?: object | undefined;
  readonly replay?: object | undefined;
}): FeedRequest {
  const { events, stream = 'main', filter, replay } = options;
  return { stream, events: [...events], filter, replay: readReplay(replay) };
}

function readReplay(replay: object | undefined): FeedRequest['replay'] {
  if (replay === undefined) return { mode: 'warm' };
  const { mode, after } = { mode: undefined, after: undefined, ...replay } as { mode?: unknown; after?: unknown };
  if (mode === 'warm' || mode === 'none') return { mode };
  if (mode !== 'resume') throw new TypeError('`replay.mode` is "none", "warm" or "resume".');
  const position = readPosition(after);
  if (position !== undefined) return { mode, after: position };
  throw new TypeError(
    '`replay.after` is no position: {epoch, sequenceId}, as events carry them, with a whole number from 0 to 2^53 - 1.',
  );
}
