import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeliveryQueue } from './queue.ts';

const at = (sequenceId: number): { epoch: string; sequenceId: number } => ({ epoch: 'e', sequenceId });

describe('the delivery queue', () => {
  test('has the position of the last item read, not of the last received', async () => {
    const queue = new DeliveryQueue<string>(() => undefined);
    queue.push('a', at(1));
    queue.push('b', at(2));
    expect(queue.position).toBeUndefined();
    await queue.next();
    expect(queue.position).toEqual(at(1));
  });

  test('a mark takes effect when all items before it have been read', async () => {
    const queue = new DeliveryQueue<string>(() => undefined);
    queue.mark(at(3));
    expect(queue.position).toEqual(at(3));
    queue.push('a', at(4));
    queue.mark(at(9));
    expect(queue.position).toEqual(at(3));
    await queue.next();
    expect(queue.position).toEqual(at(9));
  });

  test('an item without a position does not move the reader', async () => {
    const queue = new DeliveryQueue<string>(() => undefined, at(5));
    queue.push('warm', undefined);
    await queue.next();
    expect(queue.position).toEqual(at(5));
  });

  test('an end with an error is thrown once, after the waiting items', async () => {
    const queue = new DeliveryQueue<string>(() => undefined);
    queue.push('a', at(1));
    queue.end(new Error('over'));
    expect(await queue.next()).toEqual({ done: false, value: 'a' });
    await expect(queue.next()).rejects.toThrow('over');
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  test('a stop drops waiting items, and ends waiting readers', async () => {
    const waiting = new DeliveryQueue<string>(() => undefined);
    const reader = waiting.next();
    waiting.stop();
    expect(await reader).toEqual({ done: true, value: undefined });
    const full = new DeliveryQueue<string>(() => undefined);
    full.push('a', at(1));
    full.stop();
    expect(await full.next()).toEqual({ done: true, value: undefined });
  });

  test('a stop replaces an earlier end with an error', async () => {
    const queue = new DeliveryQueue<string>(() => undefined);
    queue.end(new Error('over'));
    queue.stop();
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  test('keeps the order of any mix of pushes and reads, at any depth', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -40, max: 60 }), { maxLength: 120 }), async (steps) => {
        const queue = new DeliveryQueue<number>(() => undefined);
        const read: Promise<IteratorResult<number, undefined>>[] = [];
        let pushed = 0;
        for (const step of steps) {
          for (let n = 0; n < step; n += 1) queue.push((pushed += 1), undefined);
          for (let n = 0; n > step; n -= 1) read.push(queue.next());
        }
        queue.end();
        const values = (await Promise.all(read)).filter((r) => r.done !== true).map((r) => r.value);
        expect(values).toEqual(values.map((_, index) => index + 1));
        expect(values.length + queue.size).toBe(pushed);
      }),
      { numRuns: 60, seed: 1 },
    );
  });
});
