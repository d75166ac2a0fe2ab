import { describe, expect, test } from 'vitest';
import { SharedCommand } from './shared-command.ts';

/** A command that is counted. */
function counted() {
  const runs = { count: 0 };
  const run = async (): Promise<void> => {
    await Promise.resolve();
    runs.count += 1;
  };
  return { runs, run };
}

const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  const pending = Symbol('pending');
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
};

describe('a command that tapes share', () => {
  test('runs once, when every tape has reached it', async () => {
    const command = new SharedCommand();
    const [first, second] = [command.join(), command.join()];
    const { runs, run } = counted();
    const reached = first.reach(run);
    expect([await settled(reached), runs.count]).toEqual([false, 0]);
    await second.reach(run);
    await reached;
    await first.reach(run);
    expect(runs.count).toBe(1);
  });

  test('does not wait for a tape that has already ended', async () => {
    const command = new SharedCommand();
    const [first, failed, third] = [command.join(), command.join(), command.join()];
    const { runs, run } = counted();
    third.leave();
    const reached = first.reach(run);
    expect(await settled(reached)).toBe(false);
    failed.leave();
    failed.leave();
    await reached;
    first.leave();
    expect(runs.count).toBe(1);
  });

  test('does not run if no tape reaches it', async () => {
    const command = new SharedCommand();
    const parts = [command.join(), command.join()];
    const { runs, run } = counted();
    for (const part of parts) part.leave();
    expect(await settled(parts[0]?.reach(run) ?? Promise.resolve())).toBe(false);
    expect(runs.count).toBe(0);
  });

  test('fails for every tape that waits for it', async () => {
    const command = new SharedCommand();
    const parts = [command.join(), command.join()];
    const outcomes = await Promise.allSettled(parts.map((part) => part.reach(() => Promise.reject(new Error('no')))));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
