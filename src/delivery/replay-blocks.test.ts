import { describe, expect, it } from 'vitest';
import { recordFromDraft } from '../broker/event-encoding.ts';
import type { EventRecord } from '../broker/broker.ts';
import { encodeEvent } from '../wire/framing.ts';
import { WEBSOCKET_FRAMING as framing } from '../wire/websocket-framing.ts';
import { BLOCK_EVENTS, ReplayBlocks } from './replay-blocks.ts';
import type { ReplayRun } from './replay-blocks.ts';

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

const runOf = (run: readonly EventRecord[], options: Partial<ReplayRun> = {}): ReplayRun => ({
  key: 'a',
  prefix: PREFIX,
  framing,
  records: run,
  floor: 1,
  matches: () => true,
  ...options,
});

/** The bytes that a run sends, and the number of blocks among them. */
function sent(blocks: ReplayBlocks, run: ReplayRun): { readonly bytes: Buffer; readonly whole: number } {
  const items = [...blocks.choose(run)].filter((item) => item !== undefined);
  return {
    bytes: Buffer.concat(
      items.map((item) => ('frames' in item ? item.frames : encodeEvent(framing, run.prefix, item))),
    ),
    whole: items.filter((item) => 'frames' in item).length,
  };
}

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
    for (let replay = 0; replay < 2; replay += 1) expect(sent(blocks, runOf(run)).bytes.equals(frames(run))).toBe(true);
  });

  it('are built once for clients that resume at different positions', () => {
    const blocks = new ReplayBlocks();
    const all = records(1, 10 * BLOCK_EVENTS);
    expect(sent(blocks, runOf(all)).whole).toBe(10);
    for (const after of [1, 200, 128, 700]) {
      const run = all.slice(after);
      expect(sent(blocks, runOf(run)).bytes.equals(frames(run))).toBe(true);
    }
    expect(blocks.built).toBe(10);
  });

  it('are not shared by subscriptions with different keys', () => {
    const blocks = new ReplayBlocks();
    const all = records(1, BLOCK_EVENTS);
    const even = (record: EventRecord): boolean => record.payload['even'] === true;
    sent(blocks, runOf(all));
    expect(sent(blocks, runOf(all, { key: 'b', matches: even })).bytes.equals(frames(all.filter(even)))).toBe(true);
  });

  it('contain only matching events', () => {
    const run = runOf(records(1, 2 * BLOCK_EVENTS), { matches: () => false });
    expect(sent(new ReplayBlocks(), run)).toEqual({ bytes: Buffer.alloc(0), whole: 0 });
  });

  it('are sent event by event if a block is larger than one write', () => {
    const run = records(1, 2 * BLOCK_EVENTS, 'x'.repeat(1_000));
    const { bytes, whole } = sent(new ReplayBlocks(), runOf(run));
    expect(whole).toBe(0);
    expect(bytes.equals(frames(run))).toBe(true);
  });

  it('use no more memory than their bound, for any subscriptions', () => {
    const bound = 200_000;
    const blocks = new ReplayBlocks(bound);
    const run = records(1, 3 * BLOCK_EVENTS);
    for (let client = 0; client < 20; client += 1) {
      const expected = sent(blocks, runOf(run, { key: `client ${client}` }));
      expect(expected.bytes.equals(frames(run))).toBe(true);
      expect(blocks.bytes).toBeLessThanOrEqual(bound);
    }
    for (let client = 0; client < 20_000; client += 1) sent(blocks, runOf([], { key: `client ${client}` }));
    expect(blocks.bytes).toBeLessThanOrEqual(bound);
  });

  it('use no memory for events that have left history', () => {
    const blocks = new ReplayBlocks();
    const all = records(1, 5 * BLOCK_EVENTS);
    sent(blocks, runOf(all));
    const before = blocks.bytes;
    sent(blocks, runOf(all.slice(4 * BLOCK_EVENTS), { floor: 4 * BLOCK_EVENTS + 1 }));
    expect(blocks.bytes).toBeLessThan(before / 4);
  });

  it('are sent completely even if the cached blocks of a subscription are dropped during its replay', () => {
    const blocks = new ReplayBlocks(100_000);
    const run = records(1, 4 * BLOCK_EVENTS);
    const slow = blocks.choose(runOf(run));
    const parts: Buffer[] = [];
    for (const item of slow) {
      if (item === undefined) continue;
      parts.push('frames' in item ? item.frames : encodeEvent(framing, PREFIX, item));
      for (const key of ['b', 'c', 'd']) sent(blocks, runOf(run, { key }));
    }
    expect(Buffer.concat(parts).equals(frames(run))).toBe(true);
    expect(blocks.bytes).toBeLessThanOrEqual(100_000);
  });
});

describe('frames of several events', () => {
  it.each(['plain', 'déjà vu', '日本', '🙂', 'x'.repeat(70_000)])(
    'equal the frames of the single events: %.10s',
    (text) => {
      const run = [...records(1, 3, text), ...records(4, 5)];
      expect(framing.events(PREFIX, run).equals(frames(run))).toBe(true);
    },
  );
});
