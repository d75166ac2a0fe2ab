/**
 * Random histories of a model of many streams, with every fault that can occur between the model and a client. Checks that a subscription
 * to several streams misses no event without a gap, repeats no event, and keeps the order of each stream.
 */
import * as fc from 'fast-check';
import { expect, vi } from 'vitest';
import { isGap } from '../events.ts';
import { followStreams } from '../follow-streams.ts';
import type { Position, StreamPosition } from '../wire.ts';
import { until } from './fake-server.ts';
import type { FakeServer } from './fake-server.ts';
import { clientOf, collect, fakeServer } from './harness.ts';
import { ModelStreams } from './model-streams.ts';

/** Options of `vi.waitFor`: the time only keeps a test from hanging. */
const PATIENCE = { timeout: 20_000, interval: 2 } as const;

const STREAMS = ['main', 'session:a', 'session:b', 'session:c'] as const;

type Turn =
  | { readonly do: 'publish' | 'lose_frame' | 'lose_epoch' | 'expire'; readonly stream: string }
  | { readonly do: 'cut' | 'heartbeat' | 'wait' | 'close' }
  | { readonly do: 'shorten'; readonly stream: string; readonly window: number };

const stream = fc.constantFrom(...STREAMS);
const anyTurn: fc.Arbitrary<Turn> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ do: fc.constant('publish' as const), stream }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'wait' as const, 'heartbeat' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('lose_frame' as const, 'lose_epoch' as const, 'expire' as const),
      stream,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'close' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('shorten' as const), stream, window: fc.integer({ min: 1, max: 4 }) }),
  },
);

export interface StreamsHistory {
  readonly turns: readonly Turn[];
  /** The events that are published before the subscription begins: the stream of each. */
  readonly before: readonly string[];
  readonly limit: number;
}

export const anyStreamsHistory: fc.Arbitrary<StreamsHistory> = fc.record({
  turns: fc.array(anyTurn, { minLength: 5, maxLength: 40 }),
  before: fc.array(stream, { maxLength: 4 }),
  limit: fc.constantFrom(2, 10_000),
});

/** Epochs are named e1, e2, …, so that positions of different epochs can be ordered. */
const place = ({ epoch, sequenceId }: Position): number => Number(epoch.slice(1)) * 1_000_000 + sequenceId;
const key = ({ stream: name, epoch, sequenceId }: StreamPosition): string => `${name} ${epoch} ${sequenceId}`;

/** A gap, or the place of an event. */
type Item = (StreamPosition & { readonly replayReason?: string }) | GapItem;

interface GapItem {
  readonly kind: 'gap';
  readonly stream: string;
  readonly from?: Position | undefined;
  readonly to?: Position | undefined;
}

/** What a client has received. */
export interface Received {
  readonly items: readonly Item[];
  readonly positions: readonly StreamPosition[] | undefined;
  readonly errors: readonly string[];
}

/** A client that follows `main` and every session from their first events on. */
export interface StreamsFollower {
  report(): Promise<Received>;
  close(): Promise<void>;
}

/** Starts a client whose buffer has a limit. Resolves when it has subscribed. */
export type FollowStreams = (url: string, limit: number) => Promise<StreamsFollower>;

async function followHere(url: string, limit: number): Promise<StreamsFollower> {
  const client = clientOf({ url }, { backoff: { minMs: 1, maxMs: 3 } });
  const errors: string[] = [];
  client.on('error', (error) => errors.push(String(error)));
  const reader = followStreams(client, {
    streams: ['main', 'session:*'],
    events: ['*'],
    gaps: 'inline',
    // Begin before the first event of each stream. With `none`, if the connection is cut before the first `positions` push, the client
    // resumes without positions, and receives events that were published before the subscription.
    replay: { mode: 'resume', positions: [] },
    buffer: { limit },
  });
  const { items } = collect(reader);
  await reader.ready;
  return {
    report: () => Promise.resolve({ items, positions: reader.positions, errors }),
    close: () => client.close(),
  };
}

export async function checkStreamsHistory(
  { turns, before, limit }: StreamsHistory,
  follow: FollowStreams = followHere,
): Promise<void> {
  const model = new ModelStreams();
  const server = await fakeServer({ script: (connection, command) => model.script(connection, command) });
  for (const each of before) model.publish(each);
  const reader = await follow(server.url, limit);
  for (const turn of turns) await take(turn, { model, server, reader });
  for (const each of STREAMS) model.publish(each);
  await vi.waitFor(async () => expect(silentIn((await reader.report()).items, model.published)).toEqual([]), PATIENCE);
  const { items, errors } = await reader.report();
  const complete = items.flatMap((item) => (isGap(item) || item.replayReason === 'warm' ? [] : [key(item)]));
  expect(new Set(complete).size).toBe(complete.length);
  expect(errors).toEqual([]);
  await reader.close();
  await server.close();
}

/** The published events that were neither received nor covered by a gap of their stream. */
function silentIn(items: readonly Item[], published: readonly StreamPosition[]): readonly string[] {
  const seen = new Set(items.flatMap((item) => (isGap(item) ? [] : [key(item)])));
  const gaps = items.filter(isGap);
  const isCovered = (event: StreamPosition): boolean =>
    gaps.some(
      ({ stream: name, from, to }) =>
        name === event.stream &&
        to !== undefined &&
        (from === undefined || place(from) < place(event)) &&
        place(event) <= place(to),
    );
  return published.filter((each) => !seen.has(key(each)) && !isCovered(each)).map(key);
}

interface Scene {
  readonly model: ModelStreams;
  readonly server: FakeServer;
  readonly reader: StreamsFollower;
}

async function take(turn: Turn, { model, server, reader }: Scene): Promise<void> {
  const connection = server.connections.at(-1);
  if (turn.do === 'publish') model.publish(turn.stream);
  else if (turn.do === 'cut') connection?.drop();
  else if (turn.do === 'close') connection?.close(4200);
  else if (turn.do === 'shorten') model.shorten(turn.stream, turn.window);
  else if (turn.do === 'wait') await new Promise((resolve) => setTimeout(resolve, 2));
  else if (turn.do === 'lose_epoch' || turn.do === 'expire') {
    // The server cannot report the loss of a stream that began and ended while the client was disconnected.
    const { epoch } = model.head(turn.stream);
    const { positions } = await reader.report();
    const isKnown = positions?.some((each) => each.stream === turn.stream && each.epoch === epoch) === true;
    if (isKnown && turn.do === 'expire') model.expire(turn.stream);
    else if (isKnown) model.loseEpoch(turn.stream);
  } else if (turn.do === 'heartbeat' && connection !== undefined) model.heartbeat(connection);
  else if (turn.do === 'lose_frame' && connection !== undefined) {
    model.heartbeat(connection);
    // The client receives the second event before the heartbeat reveals that the first event was lost.
    let lost = 0;
    model.carry = (_event, to) => {
      if (to === connection && to.isOpen) lost += 1;
      return false;
    };
    model.publish(turn.stream);
    model.carry = () => true;
    model.publish(turn.stream);
    model.heartbeat(connection);
    // Wait, because the client cannot know of the loss until it has read the heartbeat.
    if (lost > 0) await until(() => !connection.isOpen, 'the reconnect of a client that found the loss');
  }
}
