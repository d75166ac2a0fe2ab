/**
 * Compares the counts that a gateway reports with a model of these counts, which is computed only from what clients sent and received.
 */
import { EVENTS } from '../../generated/protocol.ts';
import type { Gateway } from '../gateway.ts';
import type { Member, Run } from './client-work.ts';
import type { Frame } from './raw-client.ts';
import type { Served } from './rig.ts';

export type Metrics = Readonly<Record<string, number>>;

function countBy<Item>(items: readonly Item[], key: (item: Item) => string | number): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(items, key)].map(([name, all]) => [String(name), all.length]));
}

const framesOf = ({ members }: Run, type: string): readonly Frame[] =>
  members.flatMap(({ client }) => client.frames.filter((frame) => frame.type === type));

/** The expected value of every metric. */
export function expectedMetrics(run: Run): Metrics {
  const events = framesOf(run, 'event').map(({ data }) => data);
  const live = events.filter((each) => each['isReplay'] === false);
  const frames = new Set(live.map((each) => JSON.stringify([each['eventId'], each['subscriptionIds']])));
  const series = (name: string, label: string, counts: Record<string, number>): Metrics =>
    Object.fromEntries(
      Object.entries(counts).map(([value, count]) => [`tidemark_${name}{${label}="${value}"}`, count]),
    );
  const labelled = (name: string, label: string, counts: Record<string, number>): Metrics =>
    series(`${name}_total`, label, counts);
  return {
    tidemark_connections: run.open.length,
    tidemark_subscriptions: subscriptionsOf(run).length,
    tidemark_queued_bytes: 0,
    tidemark_longest_queue_bytes: 0,
    tidemark_oldest_queued_seconds: 0,
    tidemark_slow_connections: 0,
    tidemark_broker_connected: 1,
    tidemark_broker_lag_seconds: 0,
    tidemark_draining: 0,
    tidemark_closed_slow_total: 0,
    tidemark_deliveries_total: live.length,
    tidemark_encodings_total: frames.size,
    tidemark_delivery_delay_seconds_count: new Set(live.map((each) => each['eventId'])).size,
    tidemark_replayed_events_total: events.length - live.length,
    tidemark_accepted_total: run.members.length,
    ...labelled(
      'published',
      'event',
      countBy(run.publishedEvents, (name) => (Object.hasOwn(EVENTS, name) ? name : '*')),
    ),
    ...series(
      'command_duration_seconds_count',
      'command',
      countBy(
        run.members.flatMap(({ client }) => client.called),
        (each) => each,
      ),
    ),
    ...series('replay_duration_seconds_count', 'kind', replaysOf(run)),
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

/** Number of finished replays by kind. A replay after a failed resume is warm. */
function replaysOf(run: Run): { warm: number; resume: number } {
  const recoveries = framesOf(run, 'subscribed').map(({ data }) => data['recovery'] as Record<string, unknown>);
  const resume = recoveries.filter((each) => each['recovered'] === true).length;
  return { warm: framesOf(run, 'replay_complete').length - resume, resume };
}

interface OpenSubscription {
  readonly member: Member;
  readonly id: string;
  readonly subscribed: Frame['data'];
}

/** The active subscriptions of each open client. */
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

export function expectedHealth(run: Run): object {
  const subscribed = framesOf(run, 'subscribed').map(({ data }) => data['recovery'] as Record<string, unknown>);
  const replays = replaysOf(run);
  const replayed = framesOf(run, 'event').filter(({ data }) => data['isReplay'] === true).length;
  const open = subscriptionsOf(run);
  return {
    connections: run.open.length,
    subscriptions: { total: open.length, byEvent: open.length === 0 ? {} : { '*': open.length } },
    backpressure: { queuedBytes: 0, slow: 0, closedSlow: 0 },
    replay: {
      ...replays,
      failed: subscribed.filter((each) => each['attempted'] === true && each['recovered'] === false).length,
      events: replayed,
    },
  };
}

/** The expected rows of `/ws/subscriptions`, without the members that clients cannot know. */
export function expectedRows(run: Run): object[] {
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

export async function seenRows({ httpUrl }: Served): Promise<object[]> {
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

export async function seenMetrics({ httpUrl }: Served): Promise<Metrics> {
  const text = await (await fetch(`${httpUrl}/metrics`)).text();
  return metricsIn(text);
}

export function metricsIn(text: string): Metrics {
  // Some metrics are not compared. Limits and the build are not counts. The use of budgets is an estimate of memory, which no client can
  // know. Clients cannot know the measured durations either.
  const lines = text
    .split('\n')
    .filter((line) => /^tidemark_(?!limit\{|build_info\{|budget_used\{)/.test(line))
    .filter((line) => !/^\w+_seconds_(?:bucket|sum)\b/.test(line));
  return Object.fromEntries(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))] as const;
    }),
  );
}

/** The names of the counts that differ. */
export function differences(seen: Metrics, expected: Metrics): string[] {
  const names = new Set([...Object.keys(seen), ...Object.keys(expected)]);
  return [...names].filter((name) => (seen[name] ?? 0) !== (expected[name] ?? 0));
}

export function seenHealth(
  gateway: Gateway,
  { connections, subscriptions, backpressure, replay } = gateway.health(),
): object {
  return { connections, subscriptions, backpressure, replay };
}
