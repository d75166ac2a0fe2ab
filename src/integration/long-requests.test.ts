/** Requests that concern all subscriptions of a node (OPS-3): other clients do not wait until they are answered. */
import { expect, test } from 'vitest';
import { connect, serve } from '../testing/rig.ts';

/** Every turn of the event loop ends after a millisecond of this work, and every further millisecond counts as one request. */
const LIMITS = { turnBudgetMs: 1, commandCostMs: 1, commandBurst: 300, commandsPerSecond: 1 };
const CLIENTS = 20;
const EACH = 100;

/** Connects a client with subscriptions that have different filters. */
async function subscribe(url: string, number: number): Promise<void> {
  const client = await connect(url);
  for (let at = 0; at < EACH; at += 1) {
    const paths = Array.from({ length: 20 }, (_, pattern) => `*${number}-${at}*${pattern}`);
    const data = { events: ['file_change'], filter: { paths }, replay: { mode: 'none' } };
    client.sendText(JSON.stringify({ type: 'subscribe', id: `${at}`, data }));
  }
  await client.find(({ id }) => id === `${EACH - 1}`);
  expect(client.frames.filter(({ type }) => type === 'subscribed')).toHaveLength(EACH);
}

function explain(httpUrl: string): Promise<Response> {
  const payload = { path: 'src/a.ts', root: 'r', changeType: 'modify', fileType: 'file' };
  return fetch(`${httpUrl}/ws/explain`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ event: 'file_change', payload }),
  });
}

test('an explanation for thousands of subscriptions leaves the other clients their turns, and its client pays for all of it', async () => {
  const { url, httpUrl } = await serve({ limits: LIMITS });
  await Promise.all(Array.from({ length: CLIENTS }, (_, at) => subscribe(url, at)));
  const neighbour = await connect(url);
  const progress = { isAnswered: false };
  const answer = explain(httpUrl).finally(() => (progress.isAnswered = true));
  let pongs = 0;
  for (; !progress.isAnswered && pongs < 100; pongs += 1) await neighbour.call('ping');
  const expected = { matchCount: 0, mismatchCount: CLIENTS * EACH };
  expect(await (await answer).json()).toMatchObject(expected);
  expect(pongs).toBeGreaterThan(10);
  let answers = 1;
  while (answers < 30 && (await explain(httpUrl)).status === 200) answers += 1;
  expect(answers).toBeLessThan(30);
});
