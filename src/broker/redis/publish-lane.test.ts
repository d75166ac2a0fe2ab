import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PublishLane } from './publish-lane.ts';
import type { Refusal, Report } from './publish-lane.ts';

interface Sent {
  readonly items: readonly number[];
  readonly after: number | undefined;
  readonly answer: (answer: Refusal | 'stored') => void;
}

interface Lane {
  readonly lane: PublishLane<number>;
  readonly sent: Sent[];
  readonly stored: number[];
  readonly rejected: number[];
}

/** Creates a lane whose batches are answered by the test. */
function laneOf(prepare: () => Promise<void>): Lane {
  const [sent, stored, rejected]: [Sent[], number[], number[]] = [[], [], []];
  const lane = new PublishLane<number>({
    sizeOf: () => 1,
    need: () => undefined,
    prepare,
    send: ({ items, after }) => {
      const { promise, resolve } = Promise.withResolvers<Refusal | Report>();
      const report = (): void => void stored.push(...items);
      sent.push({ items, after, answer: (answer) => resolve(answer === 'stored' ? report : answer) });
      return promise;
    },
    reject: (items) => rejected.push(...items),
    onIdle: () => undefined,
  });
  return { lane, sent, stored, rejected };
}

function addAll(lane: PublishLane<number>, from: number, to: number): void {
  for (let item = from; item <= to; item += 1) lane.add(item);
}

test('the second batch in flight may follow only the last event of the first one', async () => {
  const { lane, sent, stored } = laneOf(async () => undefined);
  addAll(lane, 1, 64);
  expect(sent.map(({ items, after }) => [items[0], items.at(-1), after])).toEqual([
    [1, 32, undefined],
    [33, 64, 32],
  ]);
  sent[1]?.answer('moved');
  sent[0]?.answer('stored');
  await expect.poll(() => sent.length).toBe(3);
  expect(sent[2]).toMatchObject({ items: sent[1]?.items, after: undefined });
  sent[2]?.answer('stored');
  await expect.poll(() => stored).toEqual(Array.from({ length: 64 }, (_, at) => at + 1));
});

test('after another node has published in between, batches are sent one after another', async () => {
  const { lane, sent } = laneOf(async () => undefined);
  addAll(lane, 1, 64);
  sent[0]?.answer('stored');
  sent[1]?.answer('moved');
  await expect.poll(() => sent.length).toBe(3);
  addAll(lane, 65, 96);
  await nextTurn();
  expect(sent).toHaveLength(3);
});

test('if the stream cannot be prepared for the first batch, all events are rejected in order, and none is stored later', async () => {
  const { lane, sent, stored, rejected } = laneOf(() => Promise.reject(new Error('broken by the test')));
  addAll(lane, 1, 70);
  sent[0]?.answer('unborn');
  sent[1]?.answer('moved');
  await expect.poll(() => rejected).toEqual(Array.from({ length: 70 }, (_, at) => at + 1));
  await nextTurn();
  expect([sent.length, stored]).toEqual([2, []]);
});
