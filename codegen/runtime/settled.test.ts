import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { DeliveryQueue } from './queue.ts';
import { settled } from './settled.ts';

interface Change {
  readonly event: string;
  readonly payload: { readonly root: string; readonly path: string; readonly changeType: string; readonly n: number };
}

let changes = 0;

function change(path: string, changeType = 'modify', event = 'file_change'): Change {
  changes += 1;
  return { event, payload: { root: 'r', path, changeType, n: changes } };
}

/** Items that a test pushes, as a subscription yields them. */
function source() {
  const queue = new DeliveryQueue<object>(() => undefined);
  let returned = false;
  const items: AsyncIterable<object> = {
    [Symbol.asyncIterator]: () => ({
      next: () => queue.next(),
      return: () => {
        returned = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  const push = (...all: readonly object[]): void => all.forEach((each) => queue.push(each, undefined));
  return { queue, items, push, isReturned: () => returned };
}

describe('a settled subscription', () => {
  test('yields items that arrive without a pause as one group, with the newest change of each file', async () => {
    const { items, push } = source();
    const groups = settled(items, { quietMs: 50 });
    const all = [change('a', 'create'), change('b'), change('a'), change('a', 'delete'), change('c')];
    push(...all);
    expect((await groups.next()).value).toEqual([all[1], all[3], all[4]]);
    push(change('a', 'create'));
    expect((await groups.next()).value).toHaveLength(1);
  });

  test('keeps renames, gaps and other events', async () => {
    const { items, push } = source();
    const all = [
      change('b', 'rename'),
      change('b'),
      { kind: 'gap' },
      change('b', 'x', 'own_event'),
      change('b', 'y', 'own_event'),
    ];
    push(...all);
    expect((await settled(items, { quietMs: 50 }).next()).value).toEqual(all);
  });

  test('waits for a pause, but no longer than its limit', async () => {
    const { items, push } = source();
    const groups = settled(items, { quietMs: 60_000, atMostMs: 300 });
    const writing = (async () => {
      for (let n = 0; n < 5; n += 1) {
        push(change(`f${n}`));
        await delay(10);
      }
    })();
    expect((await groups.next()).value).toHaveLength(5);
    await writing;
  });

  test('ends a group at its largest size', async () => {
    const { items, push } = source();
    const groups = settled(items, { quietMs: 50, atMostItems: 2 });
    push(change('a'), change('b'), change('c'));
    expect([(await groups.next()).value, (await groups.next()).value]).toMatchObject([{ length: 2 }, { length: 1 }]);
  });

  test('ends with the subscription, after the last group; an error is thrown after it', async () => {
    const ended = source();
    ended.push(change('a'));
    ended.queue.end();
    const groups = settled(ended.items, { quietMs: 60_000 });
    expect([(await groups.next()).value, (await groups.next()).done]).toMatchObject([{ length: 1 }, true]);
    const failed = source();
    failed.push(change('a'));
    failed.queue.end(new Error('over'));
    const more = settled(failed.items, { quietMs: 60_000 });
    expect((await more.next()).value).toHaveLength(1);
    await expect(more.next()).rejects.toThrow('over');
  });

  test('ends the subscription when the loop ends', async () => {
    const { items, push, isReturned } = source();
    push(change('a'));
    for await (const group of settled(items, { quietMs: 1 })) {
      expect(group).toHaveLength(1);
      break;
    }
    expect(isReturned()).toBe(true);
  });
});
