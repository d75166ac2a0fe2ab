import { describe, expect, it } from 'vitest';
import { recordFromDraft } from '../broker/event-encoding.ts';
import type { EventParts, EventRecord } from '../replay/record.ts';
import { pendingOf } from '../replay/testing/records.ts';
import { encodeEvent } from '../wire/framing.ts';
import { OneStreamIds } from '../wire/event-ids.ts';
import { EventStreamFraming } from '../wire/event-stream-framing.ts';
import { WEBSOCKET_FRAMING } from '../wire/websocket-framing.ts';
import { ReplayBlocks } from './replay-blocks.ts';
import type { ReplayRun } from './replay-blocks.ts';

const framing = WEBSOCKET_FRAMING;
const PREFIX = '{"type":"event","data":{"subscriptionIds":["a"],"isReplay":true,"replayReason":"resume",';

const records = (from: number, to: number, text = ''): EventRecord[] =>
  Array.from({ length: to - from + 1 }, (_, at) =>
    recordFromDraft(
      {
        stream: 'main',
        epoch: 'e',
        sequenceId: from + at,
        eventId: `${from + at}`,
        event: 'x',
        emittedAtMs: 0,
      },
      { source: { name: 'a', principal: 'b' }, payload: { text, even: (from + at) % 2 === 0 } },
    ),
  );

const PART_EVENTS = 128;

/** Divides events in parts like history does: with the same boundaries for all runs. */
function partsOf(run: readonly EventRecord[]): EventParts {
  const parts = Map.groupBy(run, ({ sequenceId }) => Math.floor((sequenceId - 1) / PART_EVENTS));
  return [...parts.values()];
}

const runOf = (run: readonly EventRecord[], options: Partial<ReplayRun> = {}): ReplayRun => ({
  key: 'a',
  prefix: PREFIX,
  framing,
  pending: pendingOf(partsOf(run)),
  floor: 1,
  matches: () => true,
  ...options,
});

/** The bytes of each block that a run sends. */
function sent(blocks: ReplayBlocks, run: ReplayRun): readonly Buffer[] {
  return [...blocks.choose(run)].flatMap((block) => (block === undefined ? [] : [block.frames]));
}

const bytesOf = (blocks: ReplayBlocks, run: ReplayRun): Buffer => Buffer.concat(sent(blocks, run));

const frames = (run: readonly EventRecord[]): Buffer =>
  Buffer.concat(run.map((record) => encodeEvent(framing, PREFIX, record)));

describe('replay blocks', () => {
  it.each([
    [1, 1_000],
    [2, 128],
    [100, 130],
    [129, 256],
    [129, 257],
  ])('send exactly the events from %i to %i, in order', (from, to) => {
    const run = records(from, to);
    const blocks = new ReplayBlocks();
    for (let replay = 0; replay < 2; replay += 1) expect(bytesOf(blocks, runOf(run)).equals(frames(run))).toBe(true);
  });

  it('are built once for clients that resume at different positions, except the first part of each', () => {
    const blocks = new ReplayBlocks();
    const all = records(1, 10 * PART_EVENTS);
    expect(sent(blocks, runOf(all))).toHaveLength(10);
    for (const [after, built] of [
      [200, 11],
      [201, 12],
      [201, 12],
      [700, 13],
    ] as const) {
      const run = all.slice(after);
      expect(bytesOf(blocks, runOf(run)).equals(frames(run))).toBe(true);
      expect(blocks.built).toBe(built);
    }
  });

  it('are shared at the newest events too, until further events are published', () => {
    const blocks = new ReplayBlocks();
    const all = records(1, PART_EVENTS + 30);
    for (const [to, built] of [
      [PART_EVENTS + 10, 2],
      [PART_EVENTS + 10, 2],
      [PART_EVENTS + 30, 3],
      [PART_EVENTS + 30, 3],
    ] as const) {
      expect(bytesOf(blocks, runOf(all.slice(0, to))).equals(frames(all.slice(0, to)))).toBe(true);
      expect(blocks.built).toBe(built);
    }
  });

  it('use memory for only one of the different first parts with which replays begin', () => {
    const blocks = new ReplayBlocks();
    const all = records(1, PART_EVENTS);
    sent(blocks, runOf(all));
    const { bytes } = blocks;
    for (let after = 1; after < PART_EVENTS; after += 1) {
      expect(bytesOf(blocks, runOf(all.slice(after))).equals(frames(all.slice(after)))).toBe(true);
      expect(blocks.bytes).toBeLessThan(bytes);
    }
  });

  it('are not shared by subscriptions with different keys', () => {
    const blocks = new ReplayBlocks();
    const all = records(1, PART_EVENTS);
    const even = (record: EventRecord): boolean => record.payload['even'] === true;
    sent(blocks, runOf(all));
    expect(bytesOf(blocks, runOf(all, { key: 'b', matches: even })).equals(frames(all.filter(even)))).toBe(true);
  });

  it('remember parts in which no event matches, and count the memory that this takes', () => {
    const blocks = new ReplayBlocks();
    let compared = 0;
    const run = runOf(records(1, 2 * PART_EVENTS), { matches: () => (compared += 1) < 0 });
    for (let replay = 0; replay < 2; replay += 1) expect(sent(blocks, run)).toEqual([]);
    expect(compared).toBe(2 * PART_EVENTS);
    expect(blocks.bytes).toBeGreaterThan(2 * 200);
  });

  it('are at most as large as one write, and are shared even if a part is larger', () => {
    const blocks = new ReplayBlocks();
    const run = records(1, 2 * PART_EVENTS, 'x'.repeat(1_000));
    const first = sent(blocks, runOf(run));
    expect(first.length).toBeGreaterThan(4);
    for (const block of first) expect(block.length).toBeLessThan(64 * 1024);
    expect(Buffer.concat(first).equals(frames(run))).toBe(true);
    expect(sent(blocks, runOf(run)).every((block, at) => block === first[at])).toBe(true);
  });

  it('use no more memory than their bound, for any subscriptions', () => {
    const bound = 200_000;
    const blocks = new ReplayBlocks(bound);
    const run = records(1, 3 * PART_EVENTS);
    for (let client = 0; client < 20; client += 1) {
      expect(bytesOf(blocks, runOf(run, { key: `client ${client}` })).equals(frames(run))).toBe(true);
      expect(blocks.bytes).toBeLessThanOrEqual(bound);
    }
    const none = runOf(records(1, 3 * PART_EVENTS), { matches: () => false });
    for (let client = 0; client < 2_000; client += 1) sent(blocks, { ...none, key: `client ${client}` });
    expect(blocks.bytes).toBeLessThanOrEqual(bound);
    expect(blocks.bytes).toBeGreaterThan(bound / 2);
  });

  it('of the newest events are shared, even if the blocks of a whole history need more memory than the bound', () => {
    const run = records(1, 20 * PART_EVENTS);
    const whole = new ReplayBlocks();
    sent(whole, runOf(run));
    const blocks = new ReplayBlocks(whole.bytes / 2);
    for (let client = 0; client < 3; client += 1) expect(bytesOf(blocks, runOf(run)).equals(frames(run))).toBe(true);
    expect(blocks.built).toBeLessThan(20 + 2 * 12);
    const { built } = blocks;
    sent(blocks, runOf(run.slice(-5 * PART_EVENTS)));
    expect(blocks.built).toBe(built);
  });

  it('make room for others one by one, those of the least recently used key first', () => {
    const run = records(1, 10 * PART_EVENTS);
    const two = new ReplayBlocks();
    for (const key of ['a', 'b']) sent(two, runOf(run, { key }));
    const blocks = new ReplayBlocks(two.bytes);
    for (const key of ['a', 'b']) sent(blocks, runOf(run, { key }));
    sent(blocks, runOf(run.slice(-2 * PART_EVENTS), { key: 'c' }));
    expect(blocks.bytes).toBeGreaterThan(two.bytes * 0.9);
    const { built } = blocks;
    sent(blocks, runOf(run, { key: 'b' }));
    sent(blocks, runOf(run.slice(-5 * PART_EVENTS), { key: 'a' }));
    expect(blocks.built).toBe(built);
  });

  it('use no memory for events that have left history', () => {
    const blocks = new ReplayBlocks();
    const all = records(1, 5 * PART_EVENTS);
    sent(blocks, runOf(all));
    const before = blocks.bytes;
    sent(blocks, runOf(all.slice(4 * PART_EVENTS), { floor: 4 * PART_EVENTS + 1 }));
    expect(blocks.bytes).toBeLessThan(before / 4);
  });

  it('are sent completely even if the cached blocks of a subscription are dropped during its replay', () => {
    const blocks = new ReplayBlocks(100_000);
    const run = records(1, 4 * PART_EVENTS);
    const slow = blocks.choose(runOf(run));
    const parts: Buffer[] = [];
    for (const block of slow) {
      if (block === undefined) continue;
      parts.push(block.frames);
      for (const key of ['b', 'c', 'd']) sent(blocks, runOf(run, { key }));
    }
    expect(Buffer.concat(parts).equals(frames(run))).toBe(true);
    expect(blocks.bytes).toBeLessThanOrEqual(100_000);
  });
});

const eventStream = new EventStreamFraming({
  ids: new OneStreamIds({ stream: 'main', replay: { mode: 'none' } }),
  retryMs: 1_000,
  bytes: 'shared',
});

describe.each([
  ['a WebSocket', WEBSOCKET_FRAMING],
  ['an event stream', eventStream],
])('the frames of several events for %s', (_what, each) => {
  it.each(['plain', 'déjà vu', '日本', '🙂', 'x'.repeat(70_000)])(
    'equal the frames of the single events: %.10s',
    (text) => {
      const run = [...records(1, 3, text), ...records(4, 5)];
      const single = run.map((record) => encodeEvent(each, PREFIX, record));
      expect(each.events(PREFIX, run).equals(Buffer.concat(single))).toBe(true);
    },
  );

  it('keep no other memory than their own, even if they are small', () => {
    const kept = each.events(PREFIX, records(1, 1), 'resume');
    expect(kept.buffer.byteLength).toBe(kept.length);
  });
});
