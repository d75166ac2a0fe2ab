import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { nextTurn, TurnBudget } from './turn-budget.ts';

test('a turn ends when its time is used up, even if commands only wait for promises', async () => {
  const turn = new TurnBudget(5);
  expect(turn.over).toBe(false);
  turn.start();
  expect(turn.over).toBe(false);
  for (const until = performance.now() + 6; performance.now() < until;) await Promise.resolve();
  expect(turn.over).toBe(true);
  await nextTurn();
  expect(turn.over).toBe(false);
});

test('work that arrives at many sockets at once is spread over several turns, in order of arrival', async () => {
  const turn = new TurnBudget(5);
  const turns = new Map<number, number[]>();
  let current = 0;
  let done = false;
  const count = (): void => {
    current += 1;
    if (!done) setImmediate(count);
  };
  count();
  // Timers that are due at the same time run one after another in one turn of the event loop, like the callbacks of sockets that can be
  // read.
  const arrive = async (client: number): Promise<void> => {
    await delay(1);
    await turn.admit(`client ${client}`);
    turns.set(current, [...(turns.get(current) ?? []), client]);
    for (const until = performance.now() + 2; performance.now() < until;);
  };
  await Promise.all(Array.from({ length: 20 }, (_, client) => arrive(client)));
  done = true;
  // Three commands of 2 ms each use up the 5 ms.
  expect(Math.max(...[...turns.values()].map((clients) => clients.length))).toBeLessThanOrEqual(3);
  expect([...turns.values()].flat()).toEqual(Array.from({ length: 20 }, (_, client) => client));
});

test('long work that runs in slices delays later work by one slice only', async () => {
  const turn = new TurnBudget(5);
  let slices = 0;
  const stop = new AbortController();
  const slice = async (): Promise<void> => {
    await turn.admit('long');
    slices += 1;
    for (const until = performance.now() + 6; performance.now() < until;);
  };
  const long = (async () => {
    while (!stop.signal.aborted) await slice();
  })();
  const started: number[] = [];
  for (let client = 0; client < 5; client += 1) {
    await delay(1);
    const before = slices;
    await turn.admit(`client ${client}`);
    started.push(slices - before);
  }
  stop.abort();
  await long;
  expect(Math.max(...started)).toBeLessThanOrEqual(2);
});

test('work that has started continues before new work of its client, but not before the turn of another client', async () => {
  const turn = new TurnBudget(1);
  turn.start();
  for (const until = performance.now() + 2; performance.now() < until;);
  const order: string[] = [];
  const note = (what: string) => (): void => void order.push(what);
  await Promise.all([
    turn.admit('one').then(note('first request')),
    turn.admit('one').then(note('second request')),
    turn.readmit('one').then(note('paused request')),
    turn.admit('two').then(note('other client')),
  ]);
  expect(order).toEqual(['paused request', 'other client', 'first request', 'second request']);
});

test('a client with many requests delays another client by one turn only', async () => {
  const turn = new TurnBudget(5);
  let done = 0;
  const work = async (): Promise<void> => {
    await delay(1);
    await turn.admit('many');
    done += 1;
    for (const until = performance.now() + 2; performance.now() < until;);
  };
  const all = Promise.all(Array.from({ length: 100 }, work));
  await delay(1);
  const before = done;
  await turn.admit('one');
  // At most the requests that still fit into the turn, and the first waiting request.
  expect(done - before).toBeLessThanOrEqual(4);
  await all;
  expect(done).toBe(100);
});

test('processing time does not count time in which the process was stopped', () => {
  const turn = new TurnBudget(5);
  const waited = turn.measure();
  // The thread sleeps. This simulates a machine that runs something else.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  expect(waited()).toBeLessThan(20);
  const worked = turn.measure();
  const before = process.threadCpuUsage();
  for (let used = before; used.user + used.system < before.user + before.system + 10_000;)
    used = process.threadCpuUsage();
  expect(worked()).toBeGreaterThan(5);
});
