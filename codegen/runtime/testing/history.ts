/**
 * Random histories of a model gateway, with every fault that can occur between the gateway and a client. Checks that a
 * subscription misses no event without a gap and repeats none, and that a mirror finally equals the state of the
 * gateway.
 */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { isGap } from '../events.ts';
import type { Position } from '../wire.ts';
import { until } from './fake-server.ts';
import type { FakeServer } from './fake-server.ts';
import { clientOf, collect, entitiesOf, modelServer } from './harness.ts';
import type { ModelGateway } from './model-gateway.ts';
import type { SampleEvent, SampleGap } from './sample-client.ts';

type Item = SampleEvent<'*'> | SampleGap;

type Turn =
  | { readonly do: 'create' | 'delete'; readonly id: string }
  | { readonly do: 'change_file' | 'cut' | 'cut_replay' | 'lose_frame' | 'heartbeat' | 'lose_epoch' | 'wait' }
  | { readonly do: 'close'; readonly code: number }
  | { readonly do: 'shorten'; readonly window: number };

const id = fc.constantFrom('a', 'b', 'c', 'd');
const anyTurn: fc.Arbitrary<Turn> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('create' as const, 'delete' as const), id }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('change_file' as const, 'wait' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'lose_frame' as const, 'heartbeat' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('lose_epoch' as const, 'cut_replay' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), code: fc.constantFrom(1001, 4200, 4300) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('shorten' as const), window: fc.integer({ min: 1, max: 8 }) }) },
);

export const anyHistory: fc.Arbitrary<readonly Turn[]> = fc.array(anyTurn, { minLength: 5, maxLength: 40 });

/** Epochs are named e1, e2, …, so that positions of different epochs can be ordered. */
const place = ({ epoch, sequenceId }: Position): number => Number(epoch.slice(1)) * 1_000_000 + sequenceId;

export async function checkHistory(turns: readonly Turn[]): Promise<void> {
  const { server, model } = await modelServer();
  const client = clientOf(server, { backoff: { minMs: 1, maxMs: 3 } });
  const readers = (['none', 'warm'] as const).map((mode) =>
    client.subscribe({ events: ['*'], gaps: 'inline', replay: { mode } }),
  );
  const collected = readers.map((reader) => collect(reader).items);
  await Promise.all(readers.map(({ ready }) => ready));
  const entities = entitiesOf(client);
  for (const turn of turns) await take(turn, model, server);
  model.publish('file_change', {});
  await entities.sync();
  const brief = (event: Position): string => `${event.epoch} ${event.sequenceId}`;
  expect(new Map([...entities].map(([key, event]) => [key, brief(event)]))).toEqual(
    new Map([...model.picture].map(([key, event]) => [key, brief(event)])),
  );
  for (const items of collected) {
    await until(() => silentIn(items, model.published).length === 0, 'every event, or a gap in its place');
    const live = items.flatMap((item) => (isGap(item) || item.replayReason === 'warm' ? [] : [place(item)]));
    expect(new Set(live).size).toBe(live.length);
  }
  await client.close();
  await server.close();
}

/** The places of published events that were neither received nor covered by a gap. */
function silentIn(items: readonly Item[], published: readonly Position[]): readonly number[] {
  const seen = new Set(items.flatMap((item) => (isGap(item) ? [] : [place(item)])));
  const isCovered = (at: number): boolean =>
    items
      .filter(isGap)
      .some(({ from, to }) => from !== undefined && to !== undefined && place(from) < at && at <= place(to));
  return published.map(place).filter((at) => !seen.has(at) && !isCovered(at));
}

async function take(turn: Turn, model: ModelGateway, server: FakeServer): Promise<void> {
  const connection = server.connections.at(-1);
  if (turn.do === 'create') model.publish('entity_created', { id: turn.id });
  else if (turn.do === 'delete') model.publish('entity_deleted', { id: turn.id });
  else if (turn.do === 'change_file') model.publish('file_change', {});
  else if (turn.do === 'cut') connection?.drop();
  else if (turn.do === 'cut_replay') model.onReplayCut = () => model.publish('file_change', {});
  else if (turn.do === 'close') connection?.close(turn.code);
  else if (turn.do === 'shorten') model.window = turn.window;
  else if (turn.do === 'lose_epoch') model.loseEpoch(`e${Number(model.epoch.slice(1)) + 1}`);
  else if (turn.do === 'wait') await new Promise((resolve) => setTimeout(resolve, 2));
  else if (turn.do === 'heartbeat' && connection !== undefined) model.heartbeat(connection);
  else if (turn.do === 'lose_frame' && connection !== undefined) {
    model.heartbeat(connection);
    // The client receives the deletion before the heartbeat reveals that the earlier creation was lost.
    let lost = 0;
    model.carry = (_event, to) => {
      if (to === connection && to.isOpen) lost += 1;
      return false;
    };
    model.publish('entity_created', { id: 'a' });
    model.carry = () => true;
    model.publish('entity_deleted', { id: 'a' });
    model.heartbeat(connection);
    // Wait, because the client cannot know of the loss until it has read the heartbeat.
    if (lost > 0) await until(() => !connection.isOpen, 'the reconnect of a client that found the loss');
  }
}
