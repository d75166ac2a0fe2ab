import { describe, expect, test } from 'vitest';
import { PublishPacer } from './publish-pacer.ts';

describe('pacer', () => {
  test('yields to the event loop after every batch', async () => {
    const pacer = new PublishPacer({ perTurn: 3 });
    let round = 0;
    let going = true;
    const spin = (): void => {
      round += 1;
      if (going) setImmediate(spin);
    };
    setImmediate(spin);
    const rounds: number[] = [];
    for (let n = 0; n < 9; n += 1) {
      await pacer.wait();
      rounds.push(round);
    }
    going = false;
    const perRound = [...Map.groupBy(rounds, (each) => each).values()].map((each) => each.length);
    expect(perRound).toEqual([3, 3, 3]);
  });

  test('resolves calls in the order in which they were made', async () => {
    const pacer = new PublishPacer({ perTurn: 2 });
    const order: number[] = [];
    const ask = async (n: number): Promise<void> => {
      await pacer.wait();
      order.push(n);
    };
    await Promise.all(Array.from({ length: 9 }, (_, n) => ask(n)));
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
});
