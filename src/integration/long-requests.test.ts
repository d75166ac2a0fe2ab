/** Requests that concern all subscriptions of a node (OPS-3): their clients pay for all of the work, and other clients do not wait for it. */
import { connect as connectSocket } from 'node:net';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Explanation } from '../../generated/types.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { ANONYMOUS, NOBODY } from '../auth/principal.ts';
import type { BrokerListener, NodeAnswers } from '../broker/broker.ts';
import { MemoryBroker } from '../broker/memory.ts';
import { SUITE_LIMITS } from '../broker/testing/suite-limits.ts';
import { eventTable } from '../catalogue/event-table.ts';
import type { GatewayOptions } from '../gateway.ts';
import { connect, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

const BURST = 300;
/** Every turn of the event loop ends after a millisecond of this work, and every further millisecond counts as one request. */
const LIMITS = { turnBudgetMs: 1, commandCostMs: 1, commandBurst: BURST, commandsPerSecond: 1 };
const CLIENTS = 20;
const EACH = 100;
const TOKEN = 'x';
const HEADERS = { authorization: `Bearer ${TOKEN}` };
const QUERY = {
  event: 'file_change',
  payload: { path: 'src/a.ts', root: 'r', changeType: 'modify', fileType: 'file' },
};

/** Connects a client with subscriptions that have different filters. */
async function subscribe(url: string, number: number): Promise<void> {
  const client = await connect(url, { headers: HEADERS });
  for (let at = 0; at < EACH; at += 1) {
    const paths = Array.from({ length: 20 }, (_, pattern) => `*${number}-${at}*${pattern}`);
    const data = { events: ['file_change'], filter: { paths }, replay: { mode: 'none' } };
    client.sendText(JSON.stringify({ type: 'subscribe', id: `${at}`, data }));
  }
  await client.find(({ id }) => id === `${EACH - 1}`);
  expect(client.frames.filter(({ type }) => type === 'subscribed')).toHaveLength(EACH);
}

/** Starts a gateway whose explanations take long, and whose clients receive no further tokens. */
async function serveMany(options: GatewayOptions = {}): Promise<Served> {
  const startedAt = Date.now();
  const served = await serve({ authenticator: acceptAll(), now: () => startedAt, limits: LIMITS, ...options });
  await Promise.all(Array.from({ length: CLIENTS }, (_, at) => subscribe(served.url, at)));
  return served;
}

/**
 * Accepts every token, as the credential of a principal of its own.
 * @param checked returns a promise that resolves when the credential of a request was checked
 */
function acceptAll(checked: () => Promise<void> = () => Promise.resolve()): Authenticator {
  return {
    required: true,
    anonymous: NOBODY,
    authenticate: ({ value }) => checked().then(() => ({ ...ANONYMOUS, kind: 'service', id: `service:${value}` })),
    onRevoked: () => undefined,
    close: () => Promise.resolve(),
  };
}

/** Like `acceptAll`, but the credentials of the first requests for explanations are accepted at the same moment. */
function acceptAtOnce(requests: number): Authenticator {
  const [checked, gate] = [{ count: 0 }, Promise.withResolvers<void>()];
  return acceptAll(() => {
    checked.count += 1;
    if (checked.count === CLIENTS + requests) gate.resolve();
    return checked.count > CLIENTS ? gate.promise : Promise.resolve();
  });
}

interface ExplainOptions {
  readonly body?: object;
  readonly token?: string;
  /** The address of the client, as a proxy reports it. */
  readonly address?: string;
}

function explain(
  httpUrl: string,
  { body = QUERY, token = TOKEN, address = '192.0.2.0' }: ExplainOptions = {},
): Promise<Response> {
  return fetch(`${httpUrl}/ws/explain`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'x-forwarded-for': address },
    body: JSON.stringify(body),
  });
}

/** The text of a request for an explanation. */
function explainText(token: string): string {
  const body = JSON.stringify(QUERY);
  return [
    'POST /ws/explain HTTP/1.1',
    'host: localhost',
    `authorization: Bearer ${token}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

/** Uses up the tokens for explanations by requests that cost one token each. @returns how many there were */
async function useUpTokens(httpUrl: string, token = TOKEN): Promise<number> {
  let tokens = 0;
  while ((await explain(httpUrl, { body: {}, token })).status === 400) tokens += 1;
  return tokens;
}

/** Requests so many explanations at once. @returns how many of them the gateway did not refuse */
async function countAdmitted(
  httpUrl: string,
  count: number,
  optionsOf: (at: number) => ExplainOptions = () => ({}),
): Promise<number> {
  const responses = await Promise.all(Array.from({ length: count }, (_, at) => explain(httpUrl, optionsOf(at))));
  return responses.filter(({ status }) => status !== 429).length;
}

/** The memory broker, except that another node seems to share it. */
class SharedBroker extends MemoryBroker {
  /** Asks the other node. */
  ask = (): Promise<NodeAnswers> => Promise.resolve({ answers: [], missing: [] });
  listener: BrokerListener | undefined;

  override start(listener: BrokerListener): Promise<void> {
    this.listener = listener;
    return super.start(listener);
  }

  override askNodes(): Promise<NodeAnswers> {
    return this.ask();
  }
}

function sharedBroker(): SharedBroker {
  return new SharedBroker({ limits: SUITE_LIMITS, events: eventTable() });
}

describe('an explanation for thousands of subscriptions', () => {
  test('leaves the other clients their turns', async () => {
    const { url, httpUrl } = await serveMany();
    const neighbour = await connect(url, { headers: HEADERS });
    const progress = { isAnswered: false };
    const answer = explain(httpUrl).finally(() => (progress.isAnswered = true));
    let pongs = 0;
    for (; !progress.isAnswered && pongs < 100; pongs += 1) await neighbour.call('ping');
    const expected = { matchCount: 0, mismatchCount: CLIENTS * EACH };
    expect(await (await answer).json()).toMatchObject(expected);
    expect(pongs).toBeGreaterThan(10);
  });

  test('does not delay other requests of the same address', async () => {
    const { httpUrl } = await serveMany();
    const progress = { isAnswered: false };
    const answer = explain(httpUrl).finally(() => (progress.isAnswered = true));
    let probes = 0;
    for (; !progress.isAnswered && probes < 20; probes += 1) await (await fetch(`${httpUrl}/healthz`)).text();
    await answer;
    expect(probes).toBeGreaterThan(3);
  });

  test('is charged for each slice, so that requests at once do not pass the rate limit', async () => {
    const { httpUrl } = await serveMany();
    expect(await countAdmitted(httpUrl, 30)).toBeLessThan(30);
  });

  test.each([
    ['one address', () => ({})],
    ['several addresses', (at: number) => ({ address: `192.0.2.${at}` })],
  ] as const)(
    'is charged for each slice also if the credentials of all requests, from %s, were checked at the same moment',
    async (_, optionsOf) => {
      const { httpUrl } = await serveMany({ authenticator: acceptAtOnce(30), trustedProxies: ['127.0.0.1'] });
      expect(await countAdmitted(httpUrl, 30, optionsOf)).toBeLessThan(30);
    },
  );

  test('does not delay explanations for other principals of the same address', async () => {
    const { httpUrl } = await serveMany({ authenticator: acceptAtOnce(6) });
    const answered: string[] = [];
    const explainFor = async (token: string): Promise<void> => {
      await explain(httpUrl, { token });
      answered.push(token);
    };
    await Promise.all(['many', 'many', 'many', 'many', 'many', 'one'].map(explainFor));
    expect(answered.indexOf('one')).toBeLessThan(3);
  });

  test('is charged even if it fails', async () => {
    const broker = sharedBroker();
    broker.ask = () => Promise.resolve({ answers: [{ node: 'other', answer: 'not JSON' }], missing: [] });
    const { httpUrl } = await serveMany({ broker, log: pino({ level: 'silent' }) });
    expect((await explain(httpUrl)).status).toBe(500);
    expect(await useUpTokens(httpUrl)).toBeLessThan(BURST - 10);
  });

  test.each([1, 2])('ends, and asks no other node, when its client disconnects after %i requests', async (requests) => {
    const [broker, checked, started] = [sharedBroker(), { count: 0 }, Promise.withResolvers<void>()];
    let asked = 0;
    broker.ask = () => {
      asked += 1;
      return Promise.resolve({ answers: [], missing: [] });
    };
    const authenticator = acceptAll(() => {
      checked.count += 1;
      if (checked.count === CLIENTS + requests) started.resolve();
      return Promise.resolve();
    });
    const { httpUrl } = await serveMany({ broker, authenticator });
    const leaving = connectSocket(Number(new URL(httpUrl).port), '127.0.0.1');
    leaving.write(explainText('leaving').repeat(requests));
    await started.promise;
    leaving.destroy();
    const ended = BURST - (await useUpTokens(httpUrl, 'leaving'));
    expect(asked).toBe(0);
    await explain(httpUrl, { token: 'staying' });
    const complete = BURST - (await useUpTokens(httpUrl, 'staying'));
    expect(complete).toBeGreaterThan(10);
    expect(ended).toBeLessThan(complete / 2);
  });

  test('that another node asked for ends when that node no longer waits', async () => {
    const broker = sharedBroker();
    await serveMany({ broker });
    const question = JSON.stringify({
      ask: 'explain',
      query: { stream: 'main', event: { ...QUERY, source: { name: 'broadcast', principal: 'anonymous' } } },
    });
    const explained = async (isAwaited: () => boolean): Promise<number> => {
      const answer = JSON.parse((await broker.listener?.onQuestion(question, isAwaited)) ?? '') as Explanation;
      return answer.mismatchCount;
    };
    const waiting = { turns: 3 };
    expect(await explained(() => (waiting.turns -= 1) > 0)).toBeLessThan(CLIENTS * EACH);
    expect(await explained(() => true)).toBe(CLIENTS * EACH);
  });
});
