/** The position that `listen` prints at its end. */
import { describe, expect, test } from 'vitest';
import type { TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import { PrintProgress } from './print-progress.ts';

const at = (stream: string, sequenceId: number) => ({ stream, epoch: 'e', sequenceId });
const event = (stream: string, sequenceId: number) => at(stream, sequenceId) as TidemarkEvent;
const gap = (from: TidemarkGap['from']) => ({ kind: 'gap', stream: 'main', from }) as TidemarkGap;

const READ = [at('main', 9), at('session:s', 9)];

/** The positions if all of these items were read, and the given ones were printed. */
async function positionsAfter<Item extends TidemarkEvent | TidemarkGap>(
  items: readonly Item[],
  printed: readonly Item[],
) {
  const progress = new PrintProgress();
  const source = async function* (): AsyncGenerator<Item> {
    yield* items;
  };
  for await (const item of progress.track(source())) if (printed.includes(item as Item)) progress.printed(item);
  return progress.position(READ);
}

describe('the position after the printed items is', () => {
  const [one, two, three] = [event('main', 5), event('main', 6), event('main', 7)];

  test('that of the reader if all items were printed', async () => {
    expect(await positionsAfter([], [])).toEqual(READ);
    expect(await positionsAfter([one, two], [one, two])).toEqual(READ);
  });

  test('before the first item of each stream that was not printed', async () => {
    expect(await positionsAfter([one, two, three], [one])).toEqual([at('main', 5), at('session:s', 9)]);
    const other = event('session:s', 3);
    expect(await positionsAfter([one, other, two], [one])).toEqual([at('main', 5), at('session:s', 2)]);
  });

  test('not held back by an item that a later one replaced', async () => {
    expect(await positionsAfter([one, two, three], [two])).toEqual([at('main', 6), at('session:s', 9)]);
  });

  test('before an event that arrived late', async () => {
    expect(await positionsAfter([three, one], [])).toEqual([at('main', 4), at('session:s', 9)]);
  });

  test('before a gap that was not printed, so that a resume reports the gap', async () => {
    const [before] = [{ epoch: 'old', sequenceId: 3 }];
    expect(await positionsAfter([gap(before), one], [])).toEqual([{ stream: 'main', ...before }, at('session:s', 9)]);
  });

  test('unknown if a gap without a position, or an event of the state at the start, was not printed', async () => {
    expect(await positionsAfter([gap(undefined)], [])).toBeUndefined();
    expect(await positionsAfter([{ ...one, replayReason: 'warm' } as TidemarkEvent], [])).toBeUndefined();
  });
});

test('leaving the loop does not wait for the next item', async () => {
  const returned: string[] = [];
  const source: AsyncIterable<TidemarkEvent> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => undefined),
      return: async () => {
        returned.push('source');
        return { done: true, value: undefined };
      },
    }),
  };
  const items = new PrintProgress().track(source)[Symbol.asyncIterator]();
  void items.next();
  expect(await items.return?.()).toEqual({ done: true, value: undefined });
  expect(returned).toEqual(['source']);
});
