/**
 * Each metric, and each field of health and of the list of subscriptions, against a model that only knows what clients sent and
 * received (OPS-1, OPS-2, OPS-4). The work is random, over real sockets; a metric that the model does not know is a failure.
 */
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { Gateway } from '../gateway.ts';
import { Counters } from '../introspection/counters.ts';
import { LIMITS } from '../../generated/protocol.ts';
import { RawClient } from '../testing/raw-client.ts';
import type { Frame } from '../testing/raw-client.ts';
import { PATIENCE, connect, serve } from '../testing/rig.ts';
import type { Served } from '../testing/rig.ts';

type Metrics = Readonly<Record<string, number>>;

const STREAMS = ['main', 'workspace:a'] as const;
type Stream = (typeof STREAMS)[number];

/** One piece of work; `at` chooses among the clients that are open. */
type Work =
  | { readonly do: 'connect' | 'publish_twice' | 'lose_files' | 'refuse_origin' | 'refuse_subprotocol' }
  | {
      readonly do: 'leave' | 'bad_json' | 'unknown_type' | 'unknown_field' | 'binary' | 'unsubscribe';
      readonly at: number;
    }
  | { readonly do: 'publish'; readonly stream: Stream; readonly event: string }
  | { readonly do: 'subscribe'; readonly at: number; readonly stream: Stream; readonly mode: Mode };
type Mode = 'none' | 'warm' | 'resume' | 'resume_ahead' | 'resume_other_epoch';

const MODES: readonly Mode[] = ['none', 'warm', 'resume', 'resume_ahead', 'resume_other_epoch'];
const EVENTS = ['tick', 'file_change', 'entity_created'] as const;
const PAYLOADS: Readonly<Record<string, Record<string, unknown>>> = {
  tick: { n: 1 },
  file_change: { path: 'src/a.ts', root: 'shop', changeType: 'modify', fileType: 'file' },
  entity_created: { id: 'f', entityType: 'function', name: 'f' },
};

const at = fc.nat(7);
const stream = fc.constantFrom(...STREAMS);
const anyWork: fc.Arbitrary<Work> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ do: 'connect' } as const) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('publish' as const), stream, event: fc.constantFrom(...EVENTS) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('subscribe' as const), at, stream, mode: fc.constantFrom(...MODES) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('leave', 'bad_json', 'unknown_type', 'unknown_field', 'binary', 'unsubscribe'),
      at,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom('publish_twice', 'lose_files', 'refuse_origin', 'refuse_subprotocol').map((each) => ({
      do: each,
    })),
  },
);
/** Some of everything, so that no count is 0. */
const EVERYTHING: readonly Work[] = [
  { do: 'connect' },
  { do: 'connect' },
  ...STREAMS.map((each): Work => ({ do: 'publish', stream: each, event: 'entity_created' })),
  ...MODES.map((mode, n): Work => ({ do: 'subscribe', at: n % 2, stream: 'main', mode })),
  { do: 'subscribe', at: 1, stream: 'workspace:a', mode: 'warm' },
  ...EVENTS.map((event): Work => ({ do: 'publish', stream: 'main', event })),
  { do: 'lose_files' },
  { do: 'publish_twice' },
  { do: 'refuse_origin' },
  { do: 'refuse_subprotocol' },
  { do: 'bad_json', at: 0 },
  { do: 'unknown_type', at: 0 },
  { do: 'unknown_field', at: 1 },
  { do: 'unsubscribe', at: 0 },
  { do: 'connect' },
  { do: 'binary', at: 2 },
  { do: 'connect' },
  { do: 'leave', at: 2 },
];

/** A client, and what it has open by what it was told. */
interface Member {
  readonly client: RawClient;
  connectionId: string;
  open: 'yes' | 'no';
}

/** Does the work and remembers what only the doer knows. */
class Run {
  readonly served: Served;
  readonly members: Member[] = [];
  readonly closedWith: number[] = [];
  readonly refusedWith: number[] = [];
  readonly published = new Map<string, number>();
  #keys = 0;

  constructor(served: Served) {
    this.served = served;
  }

  async all(work: readonly Work[]): Promise<void> {
    for (const each of work) await this.#one(each);
  }

  async #one(work: Work): Promise<void> {
    const { gateway, url } = this.served;
    switch (work.do) {
      case 'connect':
        return this.connect();
      case 'publish':
        return this.#publish(work.stream, work.event);
      case 'publish_twice': {
        this.#keys += 1;
        const options = { stream: 'main', idempotencyKey: `k${this.#keys}` };
        await gateway.publish('tick', { n: 1 }, options);
        await gateway.publish('tick', { n: 1 }, options);
        this.published.set('main', (this.published.get('main') ?? 0) + 1);
        return;
      }
      case 'lose_files':
        return gateway.announceLoss({ stream: 'main', paths: ['src'] });
      case 'refuse_origin':
        this.refusedWith.push((await RawClient.refused(url, { headers: { origin: 'https://other.example' } })).status);
        return;
      case 'refuse_subprotocol':
        this.refusedWith.push((await RawClient.refused(url, { protocols: ['other'] })).status);
        return;
      default:
        return this.#atMember(work);
    }
  }

  async connect(): Promise<void> {
    const client = await connect(this.served.url);
    const { data } = await client.find(({ type }) => type === 'welcome');
    this.members.push({ client, connectionId: String(data['connectionId']), open: 'yes' });
  }

  async #publish(to: Stream, event: string): Promise<void> {
    await this.served.gateway.publish(event, PAYLOADS[event] ?? {}, { stream: to });
    this.published.set(to, (this.published.get(to) ?? 0) + 1);
  }

  get open(): readonly Member[] {
    return this.members.filter((each) => each.open === 'yes');
  }

  async #atMember(work: Extract<Work, { readonly at: number }>): Promise<void> {
    const member = this.open[work.at % Math.max(1, this.open.length)];
    if (member === undefined) return;
    const { client } = member;
    const errors = client.frames.filter(({ type }) => type === 'error').length;
    switch (work.do) {
      case 'leave':
        return this.#end(member, () => client.ws.close(1000), 1000);
      case 'binary':
        return this.#end(member, () => client.ws.send(Buffer.from('x'), { binary: true }), 1003);
      case 'bad_json':
        client.sendText('{');
        break;
      case 'unknown_type':
        client.sendText('{"type":"dance","data":{}}');
        break;
      case 'unknown_field':
        client.sendText('{"type":"ping","data":{},"more":1}');
        break;
      case 'unsubscribe':
        await client.call('unsubscribe', { all: true });
        return;
      case 'subscribe':
        return this.#subscribe(client, work);
    }
    await client.until(() => client.frames.filter(({ type }) => type === 'error').length > errors);
  }

  async #subscribe(client: RawClient, { stream: to, mode }: Extract<Work, { do: 'subscribe' }>): Promise<void> {
    const synced = await client.call('sync', { stream: to });
    const { epoch, sequenceId } = synced.data['position'] as { epoch: string; sequenceId: number };
    const after: Partial<Record<Mode, object>> = {
      resume: { epoch, sequenceId: Math.max(0, sequenceId - 2) },
      resume_ahead: { epoch, sequenceId: sequenceId + 10 },
      resume_other_epoch: { epoch: 'another', sequenceId: 3 },
    };
    const replay = after[mode] === undefined ? { mode } : { mode: 'resume', after: after[mode] };
    const { type, data } = await client.call('subscribe', { stream: to, events: ['*'], replay });
    if (type === 'subscribed' && mode !== 'none')
      await client.find(
        (each) => each.type === 'replay_complete' && each.data['subscriptionId'] === data['subscriptionId'],
      );
  }

  async #end(member: Member, end: () => void, code: number): Promise<void> {
    end();
    await member.client.closed;
    member.open = 'no';
    this.closedWith.push(code);
  }

  /** Everything that was published before has arrived. */
  async settle(): Promise<void> {
    for (const { client } of this.open) for (const each of STREAMS) await client.call('sync', { stream: each });
    const { gateway } = this.served;
    await vi.waitFor(() => expect(gateway.health().connections).toBe(this.open.length), PATIENCE);
  }
}

function countBy<Item>(items: readonly Item[], key: (item: Item) => string | number): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(items, key)].map(([name, all]) => [String(name), all.length]));
}

const framesOf = ({ members }: Run, type: string): readonly Frame[] =>
  members.flatMap(({ client }) => client.frames.filter((frame) => frame.type === type));

/** What every metric must be, from what the clients sent and received. */
function expectedMetrics(run: Run): Metrics {
  const events = framesOf(run, 'event').map(({ data }) => data);
  const live = events.filter((each) => each['isReplay'] === false);
  const frames = new Set(live.map((each) => JSON.stringify([each['eventId'], each['subscriptionIds']])));
  const labelled = (name: string, label: string, counts: Record<string, number>): Metrics =>
    Object.fromEntries(
      Object.entries(counts).map(([value, count]) => [`tidemark_${name}_total{${label}="${value}"}`, count]),
    );
  return {
    tidemark_connections: run.open.length,
    tidemark_subscriptions: subscriptionsOf(run).length,
    tidemark_queued_bytes: 0,
    tidemark_longest_queue_bytes: 0,
    tidemark_oldest_queued_milliseconds: 0,
    tidemark_slow_connections: 0,
    tidemark_broker_connected: 1,
    tidemark_broker_lag_milliseconds: 0,
    tidemark_draining: 0,
    tidemark_closed_slow_total: 0,
    tidemark_deliveries_total: live.length,
    tidemark_encodings_total: frames.size,
    tidemark_published_total: [...run.published.values()].reduce((sum, each) => sum + each, 0),
    tidemark_replayed_events_total: events.length - live.length,
    tidemark_accepted_total: run.members.length,
    ...labelled(
      'refused',
      'status',
      countBy(run.refusedWith, (each) => each),
    ),
    ...labelled(
      'closed',
      'code',
      countBy(run.closedWith, (each) => each),
    ),
    ...labelled(
      'gaps',
      'reason',
      countBy(framesOf(run, 'gap'), ({ data }) => String(data['reason'])),
    ),
    ...labelled(
      'errors',
      'code',
      countBy(framesOf(run, 'error'), ({ data }) => String(data['code'])),
    ),
  };
}

interface OpenSubscription {
  readonly member: Member;
  readonly id: string;
  readonly subscribed: Frame['data'];
}

/** What each open client has subscribed to and not given up. */
function subscriptionsOf(run: Run): readonly OpenSubscription[] {
  return run.open.flatMap((member) => {
    const open = new Map<string, Frame['data']>();
    for (const { type, data } of member.client.frames) {
      if (type === 'subscribed') open.set(String(data['subscriptionId']), data);
      if (type === 'unsubscribed') for (const id of data['subscriptionIds'] as readonly string[]) open.delete(id);
    }
    return [...open].map(([id, subscribed]) => ({ member, id, subscribed }));
  });
}

function expectedHealth(run: Run): object {
  const subscribed = framesOf(run, 'subscribed').map(({ data }) => data['recovery'] as Record<string, unknown>);
  const resumed = subscribed.filter((each) => each['recovered'] === true).length;
  const completed = framesOf(run, 'replay_complete').length;
  const replayed = framesOf(run, 'event').filter(({ data }) => data['isReplay'] === true).length;
  const open = subscriptionsOf(run);
  return {
    connections: run.open.length,
    subscriptions: { total: open.length, byEvent: open.length === 0 ? {} : { '*': open.length } },
    backpressure: { queuedBytes: 0, slow: 0, closedSlow: 0 },
    replay: {
      warm: completed - resumed,
      resume: resumed,
      failed: subscribed.filter((each) => each['attempted'] === true && each['recovered'] === false).length,
      events: replayed,
    },
  };
}

/** The rows of `/ws/subscriptions`, as far as clients can know them. */
function expectedRows(run: Run): object[] {
  return subscriptionsOf(run)
    .map(({ member, id, subscribed }) => {
      const mine = member.client.events((each) => (each['subscriptionIds'] as readonly string[]).includes(id));
      const gaps = member.client.frames.filter(
        ({ type, data }) => type === 'gap' && (data['subscriptionIds'] as readonly string[]).includes(id),
      );
      return {
        connectionId: member.connectionId,
        subscriptionId: id,
        stream: subscribed['stream'],
        delivered: mine.filter((each) => each['isReplay'] === false).length,
        replayed: mine.filter((each) => each['isReplay'] === true).length,
        gaps: gaps.length,
        lag: 0,
        queuedBytes: 0,
        slow: false,
      };
    })
    .toSorted((a, b) => (`${a.connectionId}/${a.subscriptionId}` < `${b.connectionId}/${b.subscriptionId}` ? -1 : 1));
}

async function seenRows({ httpUrl }: Served): Promise<object[]> {
  const page = (await (await fetch(`${httpUrl}/ws/subscriptions?limit=1000`)).json()) as { items: Frame['data'][] };
  return page.items.map((each) => ({
    connectionId: each['connectionId'],
    subscriptionId: each['subscriptionId'],
    stream: each['stream'],
    delivered: each['delivered'],
    replayed: (each['replay'] as { count: number }).count,
    gaps: each['gaps'],
    lag: each['lag'],
    queuedBytes: each['queuedBytes'],
    slow: each['slow'],
  }));
}

async function seenMetrics({ httpUrl }: Served): Promise<Metrics> {
  const text = await (await fetch(`${httpUrl}/metrics`)).text();
  return metricsIn(text);
}

function metricsIn(text: string): Metrics {
  const lines = text.split('\n').filter((line) => line.startsWith('tidemark_') && !line.startsWith('tidemark_limit{'));
  return Object.fromEntries(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))] as const;
    }),
  );
}

/** The names of what differs. */
function differences(seen: Metrics, expected: Metrics): string[] {
  const names = new Set([...Object.keys(seen), ...Object.keys(expected)]);
  return [...names].filter((name) => (seen[name] ?? 0) !== (expected[name] ?? 0));
}

function seenHealth(gateway: Gateway, { connections, subscriptions, backpressure, replay } = gateway.health()): object {
  return { connections, subscriptions, backpressure, replay };
}

async function runOf(work: readonly Work[]): Promise<Run> {
  const run = new Run(await serve());
  await run.all(work);
  await run.settle();
  return run;
}

describe('every count', () => {
  test('is what clients sent and received, whatever they did', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyWork, { minLength: 10, maxLength: 40 }), async (work) => {
        const run = await runOf(work);
        expect(differences(await seenMetrics(run.served), expectedMetrics(run))).toEqual([]);
        expect(seenHealth(run.served.gateway)).toEqual(expectedHealth(run));
        expect(await seenRows(run.served)).toEqual(expectedRows(run));
        await run.served.gateway.close({ drainMs: 0 });
      }),
      { numRuns: 12 },
    );
  }, 60_000);

  test('of a stream is what was published there', async () => {
    const run = await runOf(EVERYTHING);
    const streams = run.served.gateway
      .health()
      .streams.map((each) => [each.stream, each.position.sequenceId, each.historyEvents]);
    expect(streams.toSorted()).toEqual([...run.published].map(([name, count]) => [name, count, count]).toSorted());
  });

  const METHODS = Object.getOwnPropertyNames(Counters.prototype).filter((name) => name.startsWith('count'));
  /** Counted only when a client stops reading; see below. */
  const ELSEWHERE = ['countClosedSlow'];

  test.each(METHODS.filter((name) => !ELSEWHERE.includes(name)))(
    'turns a comparison red when %s counts nothing',
    async (name) => {
      const broken = vi.spyOn(Counters.prototype, name as 'countAccepted').mockImplementation(() => undefined);
      try {
        const run = await runOf(EVERYTHING);
        const wrong = differences(await seenMetrics(run.served), expectedMetrics(run));
        const health = JSON.stringify(seenHealth(run.served.gateway)) === JSON.stringify(expectedHealth(run));
        expect([wrong.length > 0, health]).not.toEqual([false, true]);
      } finally {
        broken.mockRestore();
      }
    },
  );

  test('turns the comparison red in the metrics, whichever is rendered wrongly', async () => {
    const run = await runOf(EVERYTHING);
    const text = await (await fetch(`${run.served.httpUrl}/metrics`)).text();
    const expected = expectedMetrics(run);
    const names = Object.keys(metricsIn(text));
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const seen = { ...metricsIn(text), [name]: (metricsIn(text)[name] ?? 0) + 1 };
      expect(differences(seen, expected)).toEqual([name]);
    }
  });

  test('of a limit is the limit in force', async () => {
    const { httpUrl } = await serve({ limits: { payloadBytes: 4096 } });
    const text = await (await fetch(`${httpUrl}/metrics`)).text();
    for (const [name, { default: standard }] of Object.entries(LIMITS))
      expect(text).toContain(`tidemark_limit{name="${name}"} ${name === 'payloadBytes' ? 4096 : standard}\n`);
  });
});

describe('a close', () => {
  test('past a bound counts as 4201, though the peer reads nothing and is only seen to end', async () => {
    const served = await serve({ limits: { sendQueueBytes: 65_536 } });
    const run = new Run(served);
    await run.connect();
    const [member] = run.members;
    await member?.client.call('subscribe', { events: ['tick'], replay: { mode: 'none' } });
    member?.client.ws.pause();
    const text = 'x'.repeat(30_000);
    for (let n = 0; n < 2000 && served.gateway.health().backpressure.closedSlow === 0; n += 1) {
      await served.gateway.publish('tick', { text });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(served.gateway.health().connections).toBe(0), PATIENCE);
    const seen = await seenMetrics(served);
    expect(seen).toMatchObject({ 'tidemark_closed_total{code="4201"}': 1, tidemark_closed_slow_total: 1 });
    expect(Object.keys(seen).filter((name) => name.startsWith('tidemark_closed_total'))).toHaveLength(1);
  });

  test.each([
    [1007, Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff])],
    [1002, Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
    [1009, Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])],
  ])('with %d for a frame that breaks RFC 6455 counts as that', async (code, bytes) => {
    const served = await serve();
    const client = await connect(served.url);
    const { _socket: socket } = client.ws as unknown as { _socket: { write: (bytes: Buffer) => void } };
    socket.write(bytes);
    await client.closed;
    await vi.waitFor(
      async () => expect(await seenMetrics(served)).toMatchObject({ [`tidemark_closed_total{code="${code}"}`]: 1 }),
      PATIENCE,
    );
  });
});
