/**
 * The request that a subscription to several streams sends to the server.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { isObject, readPosition } from './wire.ts';
import type { Frame, StreamPosition } from './wire.ts';

/** The part of the request for the streams that does not change between connections. */
export interface StreamsRequest {
  readonly streams: readonly string[];
  readonly replay:
    { readonly mode: 'warm' | 'none' } | { readonly mode: 'resume'; readonly positions: readonly StreamPosition[] };
}

/** Estimated size, in bytes, of a subscribe command without the members whose size {@link fitInto} computes. */
const ENVELOPE_BYTES = 256;

/**
 * Makes the request from the options. The default of `replay` is that of the contract: a warm picture (the current
 * state) before new events (RPL-1).
 *
 * @throws {TypeError} when `streams` is empty or `replay` is invalid: a fresh start instead would hide a loss.
 */
export function readStreamsRequest({
  streams,
  replay,
}: {
  readonly streams: readonly string[];
  readonly replay?: object | undefined;
}): StreamsRequest {
  if (streams.length === 0) throw new TypeError('`streams` must name a stream, or a pattern such as "session:*".');
  return { streams: [...streams], replay: readReplay(replay) };
}

function readReplay(replay: object | undefined): StreamsRequest['replay'] {
  if (replay === undefined) return { mode: 'warm' };
  const { mode, positions } = replay as { readonly mode?: unknown; readonly positions?: unknown };
  if (mode === 'warm' || mode === 'none') return { mode };
  if (mode !== 'resume') throw new TypeError('`replay.mode` must be "none", "warm" or "resume".');
  if (Array.isArray(positions) && positions.every(isStreamPosition)) return { mode, positions: [...positions] };
  throw new TypeError(
    '`replay.positions` must be a list of {stream, epoch, sequenceId}, as `subscription.positions` is.',
  );
}

function isStreamPosition(value: unknown): value is StreamPosition {
  return isObject(value) && typeof value.stream === 'string' && readPosition(value) !== undefined;
}

/** Whether a stream is selected: its name is one of the selectors, or one of the patterns among them covers it. */
export function covers(selectors: readonly string[], stream: string): boolean {
  return selectors.some((each) => (each.endsWith('*') ? stream.startsWith(each.slice(0, -1)) : each === stream));
}

/**
 * Chooses the positions that fit into one command, because the server limits its size. A stream whose position is left out is replayed from
 * its first event (MUL-5). Therefore, positions of the streams with the fewest events are left out first.
 */
export function fitInto(
  roomBytes: number,
  positions: readonly StreamPosition[],
  common: Frame['data'],
): { readonly named: readonly StreamPosition[]; readonly left: readonly StreamPosition[] } {
  let room = roomBytes - ENVELOPE_BYTES - bytesOf(common);
  const longestFirst = positions.toSorted((a, b) => b.sequenceId - a.sequenceId);
  const end = longestFirst.findIndex((each) => {
    room -= bytesOf(each) + 1;
    return room < 0;
  });
  if (end === -1) return { named: positions, left: [] };
  return { named: longestFirst.slice(0, end), left: longestFirst.slice(end) };
}

function bytesOf(value: object): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
