/**
 * Runs random sequences of actions on a real gateway. Its clients connect through a proxy that cuts connections. Checks that a subscription
 * repeats no event, and that a gap reports each missing event. In the end, a mirror must equal the warm picture of the gateway.
 */
import * as fc from 'fast-check';
import { expect, vi } from 'vitest';
import { isGap } from '../../generated/client.ts';
import type { Position, TidemarkEvent } from '../../generated/client.ts';
import { mirror } from '../../generated/mirror.ts';
import { cleanUp, clientOf, collect, onCleanup, PATIENCE, serve } from './rig.ts';
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

/** History has only a few events, so that a resume after a cut may fail. */
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

  /** Replaces the gateway by a new one on the same port. The new one has an empty history, and its streams have new epochs. */
  async restart(): Promise<void> {
    const { gateway, port } = this.#served;
    await gateway.close({ drainMs: 0 });
    this.#served = await serve({ port, limits: LIMITS });
    await this.publish('tick', {});
  }

  /** Converts a position to a number, by which positions of all epochs can be sorted. */
  place({ epoch, sequenceId }: Position): number {
    return this.#epochs.indexOf(epoch) * 1_000_000 + sequenceId;
  }
}

/** What one client has received. */
export interface Seen {
  /** The events that the mirror contains after a `sync`, in short form ({@link brief}). */
  readonly picture: readonly string[];
  readonly gaps: readonly { readonly from?: Position | undefined | null; readonly to?: Position | undefined | null }[];
  readonly events: readonly (Position & { readonly replayReason?: string | null })[];
}

/** A client that receives every event that is published after its start, and mirrors the entities. */
export interface Follower {
  report(): Promise<Seen>;
  close(): Promise<void>;
}

export async function checkGatewayHistory(
  turns: readonly Turn[],
  follow: (url: string) => Promise<Follower>,
): Promise<void> {
  try {
    await checkHistory(turns, follow);
  } finally {
    await cleanUp();
  }
}

async function checkHistory(turns: readonly Turn[], follow: (url: string) => Promise<Follower>): Promise<void> {
  const world = await World.begin();
  const proxy = await SeveringProxy.before(world.url);
  onCleanup(() => proxy.close());
  const follower = await follow(proxy.url);
  world.published.length = 0;
  for (const turn of turns) await take(turn, world, proxy);
  await world.publish('tick', {});
  await vi.waitFor(async () => expect(silentLosses(world, await follower.report())).toEqual([]), PATIENCE);
  const { picture, events } = await follower.report();
  expect(picture).toEqual(await pictureOf(world.url));
  const live = events.filter(({ replayReason }) => replayReason !== 'warm').map((event) => world.place(event));
  expect(new Set(live).size).toBe(live.length);
  await follower.close();
}

/** Uses the TypeScript client. */
export async function followByTypeScript(url: string): Promise<Follower> {
  const client = clientOf(url, { backoff: { minMs: 1, maxMs: 5 } });
  const reader = client.subscribe({ events: ['*'], gaps: 'inline', replay: { mode: 'none' } });
  const items = collect(reader);
  await reader.ready;
  const entities = mirror(client, 'entity_*');
  return {
    report: async () => {
      await entities.sync();
      const events = items.flatMap((item) => (isGap(item) ? [] : [item]));
      return { picture: brief(entities.values()), gaps: items.filter(isGap), events };
    },
    close: () => client.close(),
  };
}

function silentLosses(world: World, { gaps, events }: Seen): readonly Position[] {
  const seen = new Set(events.map((event) => world.place(event)));
  const isCovered = (at: number): boolean =>
    gaps.some(({ from, to }) => {
      if (to === undefined || to === null || at > world.place(to)) return false;
      return from === undefined || from === null || world.place(from) < at;
    });
  return world.published.filter((position) => !seen.has(world.place(position)) && !isCovered(world.place(position)));
}

/** The warm picture that a new client receives from the gateway. */
async function pictureOf(url: string): Promise<readonly string[]> {
  const client = clientOf(url);
  const subscription = client.subscribe({ events: ['entity_*'] });
  const items = collect(subscription);
  const { count } = await subscription.caughtUp;
  await vi.waitFor(() => expect(items).toHaveLength(count), PATIENCE);
  await client.close();
  return brief(items);
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
