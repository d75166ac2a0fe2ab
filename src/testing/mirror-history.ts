/**
 * Random histories of a real gateway behind a proxy that cuts connections: checks that a subscription misses nothing without a gap
 * and repeats nothing, and that a mirror equals the picture of the gateway afterwards.
 */
import * as fc from 'fast-check';
import { expect, vi } from 'vitest';
import { isGap } from '../../generated/client.ts';
import type { Position, TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import { mirror } from '../../generated/mirror.ts';
import { clientOf, collect, onCleanup, PATIENCE, serve } from './rig.ts';
import type { Served } from './rig.ts';
import { SeveringProxy } from './severing-proxy.ts';

type Turn =
  | { readonly do: 'create' | 'update' | 'delete'; readonly id: string }
  | { readonly do: 'change_file' | 'cut' | 'restart' | 'wait' };

const id = fc.constantFrom('a', 'b', 'c', 'd');
const anyTurn: fc.Arbitrary<Turn> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('create', 'update', 'delete'), id }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('change_file' as const, 'wait' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

export const anyGatewayHistory: fc.Arbitrary<readonly Turn[]> = fc.array(anyTurn, { minLength: 5, maxLength: 30 });

/** History is short, so that a resume after a cut can fail. */
const LIMITS = { historyEvents: 8, heartbeatIntervalMs: 100 } as const;

class World {
  readonly published: Position[] = [];
  readonly #epochs: string[] = [];
  #served: Served;

  private constructor(served: Served) {
    this.#served = served;
  }

  static async begin(): Promise<World> {
    const world = new World(await serve({ limits: LIMITS }));
    await world.publish('tick', {});
    return world;
  }

  get url(): string {
    return this.#served.url;
  }

  async publish(event: string, payload: object): Promise<void> {
    const { epoch, sequenceId } = await this.#served.gateway.publish(event, { ...payload });
    if (!this.#epochs.includes(epoch)) this.#epochs.push(epoch);
    this.published.push({ epoch, sequenceId });
  }

  /** A gateway with another memory on the same port: a new epoch. */
  async restart(): Promise<void> {
    const { gateway, port } = this.#served;
    await gateway.close({ drainMs: 0 });
    this.#served = await serve({ port, limits: LIMITS });
    await this.publish('tick', {});
  }

  /** Orders positions of all epochs. */
  place({ epoch, sequenceId }: Position): number {
    return this.#epochs.indexOf(epoch) * 1_000_000 + sequenceId;
  }
}

export async function checkGatewayHistory(turns: readonly Turn[]): Promise<void> {
  const world = await World.begin();
  const proxy = await SeveringProxy.before(world.url);
  onCleanup(() => proxy.close());
  const client = clientOf(proxy.url, { backoff: { minMs: 1, maxMs: 5 } });
  const reader = client.subscribe({ events: ['*'], gaps: 'inline', replay: { mode: 'none' } });
  const items = collect(reader);
  await reader.ready;
  world.published.length = 0;
  const entities = mirror(client, 'entity_*');
  for (const turn of turns) await take(turn, world, proxy);
  await world.publish('tick', {});
  await vi.waitFor(() => entities.sync(), PATIENCE);
  expect(brief(entities.values())).toEqual(brief(await pictureOf(world.url)));
  await vi.waitFor(() => expect(silentLosses(world, items)).toEqual([]), PATIENCE);
  const live = items.flatMap((item) => (isGap(item) || item.replayReason === 'warm' ? [] : [world.place(item)]));
  expect(new Set(live).size).toBe(live.length);
  await client.close();
}

function silentLosses(world: World, items: readonly (TidemarkEvent | TidemarkGap)[]): readonly Position[] {
  const gaps = items.filter(isGap);
  const seen = new Set(items.flatMap((item) => (isGap(item) ? [] : [world.place(item)])));
  const isCovered = (at: number): boolean =>
    gaps.some(
      ({ from, to }) => to !== undefined && at <= world.place(to) && (from === undefined || world.place(from) < at),
    );
  return world.published.filter((position) => !seen.has(world.place(position)) && !isCovered(world.place(position)));
}

/** The warm picture that the gateway gives to a new client. */
async function pictureOf(url: string): Promise<readonly TidemarkEvent<'entity_*'>[]> {
  const client = clientOf(url);
  const subscription = client.subscribe({ events: ['entity_*'] });
  const items = collect(subscription);
  const { count } = await subscription.caughtUp;
  await vi.waitFor(() => expect(items).toHaveLength(count), PATIENCE);
  await client.close();
  return items;
}

function brief(events: Iterable<TidemarkEvent<'entity_*'>>): readonly string[] {
  return [...events].map(({ epoch, sequenceId, event }) => `${epoch} ${sequenceId} ${event}`).toSorted();
}

async function take(turn: Turn, world: World, proxy: SeveringProxy): Promise<void> {
  switch (turn.do) {
    case 'create':
      return world.publish('entity_created', { id: turn.id, entityType: 'function', name: turn.id });
    case 'update':
      return world.publish('entity_updated', {
        id: turn.id,
        entityType: 'function',
        name: turn.id,
        changedFields: ['name'],
      });
    case 'delete':
      return world.publish('entity_deleted', { id: turn.id });
    case 'change_file':
      return world.publish('file_change', { path: 'a', root: 'shop', changeType: 'modify', fileType: 'file' });
    case 'cut':
      return proxy.sever();
    case 'restart':
      return world.restart();
    case 'wait':
      return new Promise((resolve) => setTimeout(resolve, 2));
  }
}
