import { expect, test } from 'vitest';
import { Crowd } from './concurrency-limit.ts';

const JOBS = 8;

/** Tapes that run until the test ends them, and a target whose beats the test controls. */
class Stage {
  readonly running: (() => void)[] = [];
  beat: (ms: number) => void = () => undefined;
  readonly crowd = new Crowd(JOBS, { onBeat: (listener) => (this.beat = listener) });

  /** Starts tapes, and lets the target answer quickly until all jobs are in use. */
  static async with(tapes: number): Promise<Stage> {
    const stage = new Stage();
    for (let count = 0; count < tapes; count += 1)
      void stage.crowd.run(() => new Promise((done) => stage.running.push(done)));
    for (let beats = 0; beats < JOBS; beats += 1) stage.beat(50);
    await new Promise(setImmediate);
    return stage;
  }

  async endAll(): Promise<void> {
    for (const end of this.running.splice(0)) end();
    await new Promise(setImmediate);
  }
}

test('all jobs run at once while the target answers quickly', async () => {
  expect((await Stage.with(20)).running).toHaveLength(JOBS);
});

test('fewer tapes run after each slow answer of the target, but never none', async () => {
  const stage = await Stage.with(40);
  const counts: number[] = [];
  for (let times = 0; times < 5; times += 1) {
    stage.beat(2000);
    await stage.endAll();
    counts.push(stage.running.length);
  }
  expect(counts).toEqual([4, 2, 1, 1, 1]);
});

test('more tapes run again when the target answers quickly', async () => {
  const stage = await Stage.with(40);
  for (const ms of [2000, 2000, 2000, 50, 50]) stage.beat(ms);
  await stage.endAll();
  expect(stage.running).toHaveLength(3);
});
