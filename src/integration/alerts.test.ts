/**
 * The alert rules and the dashboard of `deploy/`. They must only read metrics that a gateway has, and each alert must fire after its cause.
 * The causes are produced on real gateways. The gateways are scraped before and after the cause, and `promtool` evaluates the rules on
 * these scrapes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { openAuthenticator } from '../auth/authenticator.ts';
import { redisBroker } from '../broker/redis/redis-broker.ts';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { TcpProxy } from '../broker/testing/tcp-proxy.ts';
import { asWorkers, judgeAlert, metricsOf, promtool, readRules } from '../testing/alert-rules.ts';
import type { AlertRule, Observed } from '../testing/alert-rules.ts';
import { buildContract } from '../testing/own-contract.ts';
import { RawClient } from '../testing/raw-client.ts';
import { PATIENCE, connect, onCleanup, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

const RULES = readRules();

async function scrape({ httpUrl }: Pick<Served, 'httpUrl'>): Promise<string> {
  return (await fetch(`${httpUrl}/metrics`)).text();
}

const BLOCKED = ruleOf('TidemarkEventLoopBlocked');
/** The threshold of the alert, in seconds. */
const BLOCKED_FROM = Number(/> ([\d.]+)$/.exec(BLOCKED.expr)?.[1]);

function ruleOf(name: string): AlertRule {
  const rule = RULES.find(({ alert }) => alert === name);
  if (rule === undefined) throw new Error(`There is no alert ${name}.`);
  return rule;
}

/** The delay of the event loop since the previous scrape, in seconds. */
function loopDelay(text: string): number {
  return Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]);
}

/**
 * Scrapes until the metrics show no blocked event loop. A busy machine may block the event loop too, but the scrapes of a test must show
 * only the block that the test causes.
 */
async function calmScrape(served: Served): Promise<string> {
  let text = '';
  await vi.waitUntil(async () => {
    text = await scrape(served);
    return loopDelay(text) <= BLOCKED_FROM;
  }, PATIENCE);
  return text;
}

/** The metrics before and after the given action. */
async function around(served: Served, cause: () => unknown): Promise<Observed> {
  const before = await calmScrape(served);
  await cause();
  return { before: [before], after: [await scrape(served)] };
}

async function redisServer(): Promise<RedisProcess> {
  const redis = await RedisProcess.start();
  onCleanup(() => redis.stop());
  return redis;
}

async function resumeAfter({ url }: Served, after: object): Promise<void> {
  const client = await connect(url);
  await client.call('subscribe', { events: ['*'], replay: { mode: 'resume', after } });
}

async function frozenRedis(): Promise<Observed> {
  const redis = await redisServer();
  const served = await serve({ broker: redisBroker({ url: redis.url }) });
  onCleanup(() => redis.thaw());
  return around(served, async () => {
    redis.freeze();
    await vi.waitUntil(() => !served.gateway.health().broker.connected, PATIENCE);
  });
}

/** Publishes to a client that does not read, until the gateway reports the effect. */
async function deafClient(noticed: (served: Served) => boolean): Promise<Observed> {
  const served = await serve({ limits: { sendQueueBytes: 65_536 } });
  const client = await connect(served.url);
  await client.call('subscribe', { events: ['tick'], replay: { mode: 'none' } });
  client.ws.pause();
  const text = 'x'.repeat(10_000);
  return around(served, async () => {
    for (let n = 0; n < 5000 && !noticed(served); n += 1) {
      await served.gateway.publish('tick', { text });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitUntil(() => noticed(served), PATIENCE);
  });
}

/** For each alert, how to produce its cause. */
const CAUSES: Readonly<Record<string, () => Promise<Observed>>> = {
  TidemarkDown: async () => {
    const served = await serve();
    const before = await scrape(served);
    await served.gateway.close({ drainMs: 0 });
    return { before: [before], after: [await scrape(served).catch(() => undefined)] };
  },
  TidemarkBrokerUnavailable: frozenRedis,
  TidemarkBrokerSlow: frozenRedis,
  TidemarkDeliverySlow: async () => {
    const redis = await redisServer();
    const link = await TcpProxy.start(redis.port);
    onCleanup(() => link.close());
    const publisher = await serve({ broker: redisBroker({ url: redis.url }) });
    const served = await serve({ broker: redisBroker({ url: `redis://127.0.0.1:${link.port}` }) });
    const client = await connect(served.url);
    await client.call('subscribe', { events: ['tick'], replay: { mode: 'none' } });
    const observed = await around(served, async () => {
      link.holdBack();
      await publisher.gateway.publish('tick', { n: 1 });
      const published = performance.now();
      await vi.waitUntil(() => performance.now() - published > 700, PATIENCE);
      link.forward();
      await client.find(({ type }) => type === 'event');
    });
    return { ...observed, trend: 'continues' };
  },
  TidemarkEventLoopBlocked: async () => {
    const served = await serve();
    const before = await calmScrape(served);
    let after = '';
    // Node measures the delay between two ticks of an internal timer. Only a block between two ticks is measured, so the test may need
    // several blocks.
    await vi.waitUntil(async () => {
      const until = performance.now() + 400;
      while (performance.now() < until);
      after = await scrape(served);
      return loopDelay(after) > BLOCKED_FROM;
    }, PATIENCE);
    return { before: [before], after: [after] };
  },
  TidemarkEpochChanged: async () => {
    const served = await serve();
    return around(served, () => resumeAfter(served, { epoch: 'before-the-restart', sequenceId: 3 }));
  },
  TidemarkHistoryTooShort: async () => {
    const served = await serve({ limits: { historyEvents: 2 } });
    const { epoch } = await served.gateway.publish('tick', { n: 0 });
    for (let n = 1; n < 6; n += 1) await served.gateway.publish('tick', { n });
    return around(served, () => resumeAfter(served, { epoch, sequenceId: 1 }));
  },
  TidemarkSourceOverflow: async () => {
    const served = await serve();
    const client = await connect(served.url);
    await client.call('subscribe', { events: ['file_change'] });
    return around(served, () => served.gateway.announceLoss({ stream: 'main', paths: ['src'] }));
  },
  TidemarkSlowClients: () => deafClient(({ gateway }) => gateway.health().backpressure.slow > 0),
  TidemarkSlowClientsClosed: () =>
    deafClient(({ gateway }) => gateway.health().backpressure.closedSlow > 0 && gateway.health().connections === 0),
  TidemarkAuditIncomplete: async () => {
    const served = await serve({ auditSink: () => 'dropped' });
    return around(served, () => RawClient.refused(served.url, { headers: { origin: 'https://other.example' } }));
  },
  TidemarkInternalErrors: async () => {
    const authenticator = { ...openAuthenticator(), authenticate: () => Promise.reject(new Error('disk failure')) };
    const served = await serve({ authenticator });
    const client = await connect(served.url);
    return around(served, () => client.call('authenticate', { apiKey: 'k' }));
  },
  TidemarkConnectionsNearLimit: async () => {
    const served = await serve({ limits: { connectionsPerNode: 1 } });
    return around(served, () => connect(served.url));
  },
  TidemarkConnectionsRefused: async () => {
    const served = await serve({ limits: { connectionsPerNode: 1 } });
    await connect(served.url);
    const observed = await around(served, async () => {
      expect((await RawClient.refused(served.url)).status).toBe(503);
    });
    return { ...observed, trend: 'continues' };
  },
  TidemarkBudgetNearlyUsed: async () => {
    const served = await serve({ limits: { historyBudgetBytes: 1_048_576 } });
    const used = (): number => served.gateway.health().budgets?.historyBudgetBytes?.used ?? 0;
    return around(served, async () => {
      while (used() < 1_000_000) await served.gateway.publish('tick', { text: 'x'.repeat(20_000) });
    });
  },
  TidemarkDifferentContracts: async () => {
    const { contract } = await buildContract();
    const [old, upgraded] = [await serve(), await serve({ contract })];
    const before = await scrape(old);
    return { before: [before, before], after: [before, await scrape(upgraded)] };
  },
};

describe('the alert', () => {
  test.each(RULES)(
    '$alert fires after its cause and not before, and only once for all workers of a node',
    async (rule) => {
      const cause = CAUSES[rule.alert];
      if (cause === undefined) throw new Error(`There is no cause for ${rule.alert} in this test.`);
      const observed = await cause();
      expect(judgeAlert(rule, observed)).toBe('');
      for (const causeIn of ['both', 'one'] as const)
        expect([causeIn, judgeAlert(rule, asWorkers(observed, causeIn), 'once')]).toEqual([causeIn, '']);
    },
  );

  test('does not fire if nothing has happened', async () => {
    const text = await calmScrape(await serve());
    for (const rule of RULES) expect(judgeAlert(rule, { before: [text], after: [text] })).toContain('got: nil');
  });

  test.each(RULES)('$alert reports what happened and what to do', ({ labels, annotations }) => {
    expect(labels['severity']).toMatch(/^(?:critical|warning|info)$/);
    expect(annotations['summary']).toMatch(/\S/);
    expect(annotations['action']).toMatch(/\S/);
  });
});

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

const { panels } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../deploy/grafana/tidemark.json'), 'utf8'),
) as { readonly panels: readonly Panel[] };
/** Replaces the variables of Grafana, as Grafana does before it sends an expression to Prometheus. */
const expressions = panels
  .flatMap(({ targets = [] }) => targets)
  .map(({ expr }) => expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.+'));

describe('alert rules and dashboard', () => {
  test('read only metrics that a gateway has, and every metric of the gateway that counts something is read', async () => {
    const text = await scrape(await serve());
    const names = new Set([...text.matchAll(/^(\w+)(?:\{.*\})? /gm)].map(([, name = '']) => name));
    const read = new Set([...RULES.map(({ expr }) => expr), ...expressions].flatMap(metricsOf));
    expect([...read].filter((name) => name !== 'up' && !names.has(name))).toEqual([]);
    const own = [...names].filter((name) => /^tidemark_.*(?:_total|_bucket|_connections|_bytes)$/.test(name));
    expect(own.filter((name) => !read.has(name))).toEqual([]);
  });

  test('compare each budget with the limit of its name', async () => {
    const served = await serve();
    const text = await scrape(served);
    const budgets = Object.keys(served.gateway.health().budgets ?? {});
    expect(budgets.filter((name) => !text.includes(`tidemark_limit{name="${name}"} `))).toEqual([]);
  });

  test('are expressions that promtool accepts', () => {
    const rules = expressions.map((expr, index) => ({ record: `panel:${index}`, expr }));
    expect(rules.length).toBeGreaterThan(30);
    expect(promtool(['check', 'rules'], { groups: [{ name: 'dashboard', rules }] })).toBe('');
  });
});

describe('the dashboard', () => {
  test('has panels with unique ids that do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { gridPos: a, title } of panels)
      for (const { gridPos: b, title: other } of panels) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        expect([title, other, apart || a === b]).toEqual([title, other, true]);
      }
  });
});
