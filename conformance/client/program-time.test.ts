import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { PacedClock } from '../runner/paced-clock.ts';
import { ProgramTime } from './program-time.ts';

const now = (): number => performance.now();

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** @param pingMs how long a ping takes on this machine, in milliseconds; 0 stands for an idle machine */
function timeOn(pingMs: number): ProgramTime {
  const machine = new PacedClock({
    now,
    ping: () => new Promise((resolve) => setTimeout(resolve, pingMs)),
    onSlow: () => undefined,
  });
  onTestFinished(() => machine.close());
  return new ProgramTime({ now, machine });
}

/** How long a quiet time of 300 ms lasts. */
async function quietMs(time: ProgramTime): Promise<number> {
  const began = now();
  const ended: number[] = [];
  time.silence(300, () => ended.push(now()));
  while (ended.length === 0) await vi.advanceTimersByTimeAsync(10);
  return (ended[0] ?? 0) - began;
}

describe('a program without echo', () => {
  test('has the time that the load of the machine suggests', async () => {
    const [idle, busy] = [await quietMs(timeOn(0)), await quietMs(timeOn(400))];
    expect(idle).toBeLessThan(400);
    expect(busy).toBeGreaterThan(1000);
  });

  test('is not known to have run', () => {
    expect(timeOn(0).provenAt).toBeUndefined();
  });
});

describe('a program with echo', () => {
  test('has run when it has answered, also on a machine that seems to be busy', async () => {
    const time = timeOn(400);
    onTestFinished(() => time.close());
    time.follow(({ ref }) => setTimeout(() => time.takes({ notice: 'result', ref: ref ?? null }), 5));
    expect(await quietMs(time)).toBeLessThan(600);
    expect(time.provenAt).toBeGreaterThan(now() - 50);
  });

  test('gets no more echoes after the end, even if it answers once more', async () => {
    const time = timeOn(0);
    const refs: unknown[] = [];
    time.follow(({ ref }) => refs.push(ref));
    time.close();
    expect(time.takes({ notice: 'result', ref: 'echo-1' })).toBe(true);
    await vi.advanceTimersByTimeAsync(1000);
    expect(refs).toEqual(['echo-1']);
  });

  test('may use the refs of other commands', () => {
    const time = timeOn(0);
    onTestFinished(() => time.close());
    time.follow(() => undefined);
    expect(time.takes({ notice: 'result', ref: 'fence' })).toBe(false);
    expect(time.takes({ notice: 'event', subscription: 's1' })).toBe(false);
  });
});
