import { expect, test } from 'vitest';
import { ConcurrencyLimit } from './concurrency-limit.ts';

const JOBS = 8;

/** Tapes that run until the test ends them, and a target whose ticks the test controls. */
class Target {
  readonly running: (() => void)[] = [];
  tick: (ms: number) => void = () => undefined;
  readonly limit = new ConcurrencyLimit(JOBS, { onTick: (listener) => (this.tick = listener) });

  /** Starts tapes, and lets the target answer quickly until all jobs are in use. */
  static async with(tapes: number): Promise<Target> {
    const target = new Target();
    for (let count = 0; count < tapes; count += 1)
      void target.limit.run(() => new Promise((done) => target.running.push(done)));
    for (let ticks = 0; ticks < JOBS; ticks += 1) target.tick(50);
    await new Promise(setImmediate);
    return target;
  }

  async endAll(): Promise<void> {
    for (const end of this.running.splice(0)) end();
    await new Promise(setImmediate);
  }
}

test('all jobs run at once while the target answers quickly', async () => {
  expect((await Target.with(20)).running).toHaveLength(JOBS);
});

test('fewer tapes run after each slow answer of the target, but never none', async () => {
  const target = await Target.with(40);
  const counts: number[] = [];
  for (let times = 0; times < 5; times += 1) {
    target.tick(2000);
    await target.endAll();
    counts.push(target.running.length);
  }
  expect(counts).toEqual([4, 2, 1, 1, 1]);
});

test('more tapes run again when the target answers quickly', async () => {
  const target = await Target.with(40);
  for (const ms of [2000, 2000, 2000, 50, 50]) target.tick(ms);
  await target.endAll();
  expect(target.running).toHaveLength(3);
});
