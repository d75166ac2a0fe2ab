/**
 * Emits `streams.ts`: subscriptions to several streams, on top of the hand-written runtime. It is a separate entry point, which `client.ts`
 * does not load.
 */
import { banner } from './text.ts';

const FACADE = `import type { TidemarkClient, TidemarkEvent, TidemarkProtocol } from './client.ts';
import type { EventPattern } from './runtime/events.ts';
import { followStreams as follow, waitOnStreams as wait } from './runtime/follow-streams.ts';
import type { StreamsWaited, StreamsWaitOptions } from './runtime/follow-streams.ts';
import type { FollowOptions, StreamsSubscription } from './runtime/streams-subscription.ts';
import type { ItemOf } from './runtime/subscription.ts';

export type TidemarkStreams<Item = TidemarkEvent> = StreamsSubscription<TidemarkProtocol, Item>;

/**
 * Subscribes to several streams. A pattern such as \`session:*\` includes streams that appear later (MUL-1, MUL-3).
 * After a reconnect each stream resumes at its own position. The subscription yields each event once, and reports
 * every gap of each stream.
 * @throws {TypeError} when \`streams\` is empty, \`replay\` is invalid, or another subscription of the client has the id; {ConnectionError}
 *   after \`client.close()\`.
 */
export function followStreams<
  const Pattern extends EventPattern<TidemarkProtocol>,
  const Gaps extends 'aside' | 'inline' = 'aside',
>(
  client: TidemarkClient,
  options: FollowOptions<TidemarkProtocol, Pattern, Gaps>,
): TidemarkStreams<ItemOf<TidemarkProtocol, Pattern, Gaps>> {
  return follow<TidemarkProtocol, Pattern, Gaps>(client, options);
}

/**
 * Waits for one event on several streams. With \`since\`, events after these positions count, even if they were
 * published before the call. If a stream has no position in \`since\`, all its events count.
 * @throws {WaitError} \`timeout\` or \`gap\`, with the \`positions\` from which to continue; other errors are those of \`client.waitFor\`.
 */
export function waitOnStreams<const Pattern extends EventPattern<TidemarkProtocol>>(
  client: TidemarkClient,
  event: Pattern,
  predicate: (event: TidemarkEvent<Pattern>) => boolean,
  options: StreamsWaitOptions<TidemarkProtocol>,
): Promise<StreamsWaited<TidemarkEvent<Pattern>>> {
  return wait<TidemarkProtocol, Pattern>(client, event, predicate, options);
}

export type { StreamsWaited, StreamsWaitOptions } from './runtime/follow-streams.ts';
export type { FollowOptions, StreamsReplay, StreamsSubscription } from './runtime/streams-subscription.ts';
export type { StreamPosition } from './runtime/wire.ts';
`;

export function emitStreams(): string {
  return `${banner('Subscriptions to several streams.')}\n${FACADE}`;
}
