import { describe, expect, test } from 'vitest';
import { Audit } from '../auth/audit.ts';
import { openAuthenticator } from '../auth/authenticator.ts';
import { ANONYMOUS } from '../auth/principal.ts';
import { MemoryBroker } from '../broker/memory.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import { eventTable } from '../catalogue/event-table.ts';
import { Fanout } from '../delivery/fan-out.ts';
import { ReplayBlocks } from '../delivery/replay-blocks.ts';
import { SubscriptionRegistry } from '../delivery/subscription-registry.ts';
import { Counters } from '../introspection/counters.ts';
import { resolveLimits } from '../options.ts';
import type { StreamPosition } from '../replay/record.ts';
import { Publisher } from '../publishing/publisher.ts';
import { Session } from '../session/session.ts';
import { Subscription } from '../session/subscription.ts';
import { TurnBudget } from '../session/turn-budget.ts';
import type { Outlet, Replay } from '../session/session.ts';
import { AbsentStreams } from './absent-streams.ts';
import { ManyStreamPlans } from './many-stream-plans.ts';
import { finishMany } from './many-streams.ts';
import { selectionOf } from './stream-replay.ts';

/** A budget in which each turn has time for only one stream. `between` runs before each further turn. */
class OneStreamTurns extends TurnBudget {
  readonly #between: (turn: number) => Promise<unknown>;
  turns = 0;

  constructor(between: (turn: number) => Promise<unknown>) {
    super(10);
    this.#between = between;
  }

  override get over(): boolean {
    return true;
  }

  override async readmit(): Promise<void> {
    this.turns += 1;
    await this.#between(this.turns);
  }
}

const TTL_MS = 60_000;

/** The plans of a subscription to `session:*`, whose streams change between the turns. */
async function plansOf(
  streams: number,
  between: (broker: MemoryBroker, turn: number) => unknown,
  positions: readonly StreamPosition[] = [],
) {
  let nowMs = 0;
  const now = (): number => nowMs;
  const limits = resolveLimits({ sessionTtlMs: TTL_MS });
  const [events, counters, audit, catalogue] = [eventTable(), new Counters(), new Audit(), stockCatalogue];
  const broker = new MemoryBroker({ limits, events, now });
  const fanout = new Fanout({ counters, catalogue, now, headOf: (stream) => broker.headOf(stream) });
  await broker.start({
    nodeId: 'n',
    onEvent: (record) => fanout.deliver(record),
    onLoss: (loss) => fanout.reportLoss(loss),
    onUnnamedLoss: (pattern) => fanout.reportUnnamedLoss(pattern),
    onSourceLoss: (loss) => fanout.reportSourceLoss(loss),
    onEnded: (stream) => fanout.reportEnd(stream),
    onHealth: () => undefined,
    onQuestion: () => undefined,
  });
  await broker.follow('session:*');
  const session = new Session({
    connectionId: 'c',
    principal: ANONYMOUS,
    authenticated: 'yes',
    remoteAddress: '127.0.0.1',
    limits,
    now,
  });
  const subscription = new Subscription({
    id: 's',
    session,
    stream: undefined,
    selectors: ['session:*'],
    events: ['*'],
    filter: {},
    replayMode: 'resume',
    livePrefix: '',
    bytes: 0,
    createdAt: 0,
  });
  const turn = new OneStreamTurns(async (at) => between(broker, at));
  const context = {
    ...{ broker, catalogue, events, counters, limits, audit, now, session, turn },
    registry: new SubscriptionRegistry({ broker, fanout, limits }),
    replayBlocks: new ReplayBlocks(),
    publisher: new Publisher({ counters, broker, catalogue, limits, audit }),
    authenticator: openAuthenticator(),
    broadcast: 'off' as const,
    onPrincipal: () => undefined,
  };
  for (let at = 0; at < streams; at += 1) await tick(broker, `session:${at}`);
  const data = { streams: ['session:*'], events: ['*'], replay: { mode: 'resume' as const, positions } };
  const selection = selectionOf(subscription, context);
  const absent = new AbsentStreams(context);
  await absent.attach(data, subscription);
  const plans = new ManyStreamPlans({ data, selection, absent });
  const finish = () => finishMany(plans, { data, selection });
  return { broker, plans, absent, turn, session, counters, finish, wait: (ms: number) => (nowMs += ms) };
}

/** Positions in an epoch that no stream has. */
function lostPositions(count: number): StreamPosition[] {
  return Array.from({ length: count }, (_, at) => ({ stream: `session:${at}`, epoch: 'lost', sequenceId: 7 }));
}

function tick(broker: MemoryBroker, stream: string): Promise<unknown> {
  return broker.publish({ stream, event: 'tick', payload: {}, source: { name: 't', principal: 'p' } });
}

const summary = ({ plans }: ReturnType<ManyStreamPlans['finish']>) =>
  plans
    .map(({ stream, position, records, losses }) => ({
      stream,
      head: position.sequenceId,
      replayed: [...records].map((each) => each?.sequenceId),
      losses: losses.length,
    }))
    .toSorted((left, right) => (left.stream < right.stream ? -1 : 1));

describe('plans that are made before the last turn', () => {
  test('finally match streams that had events or losses, began or ended during planning', async () => {
    const { plans, broker, wait } = await plansOf(5, async (_broker, turn) => {
      if (turn === 2) {
        wait(TTL_MS);
        for (const at of [0, 2, 3, 4]) await tick(broker, `session:${at}`);
        broker.sweep();
      }
      if (turn === 3) await tick(broker, 'session:new');
      if (turn === 4) await broker.announce({ stream: 'session:2', paths: ['src'] });
    });
    await plans.planAhead();
    await tick(broker, 'session:3');
    const of = (stream: string, replayed: readonly number[], losses = 0) => ({
      ...{ stream, head: replayed.length, replayed, losses },
    });
    expect(summary(plans.finish())).toEqual([
      of('session:0', [1]),
      of('session:2', [1], 1),
      of('session:3', [1, 2]),
      of('session:4', [1]),
      of('session:new', [1]),
    ]);
  });

  test('are repeated for changed streams until few of them are left for the last turn', async () => {
    const { plans, broker, turn } = await plansOf(200, (_broker, at) =>
      at <= 200 ? tick(broker, `session:${at - 1}`) : undefined,
    );
    await plans.planAhead();
    // Each stream has changed once, so each is planned twice.
    expect(turn.turns).toBe(401);
    expect(summary(plans.finish()).map(({ head }) => head)).toEqual(Array.from({ length: 200 }, () => 2));
  });

  test('are finished even if all streams change continuously', async () => {
    const { plans, broker, turn } = await plansOf(100, async () => {
      for (let at = 0; at < 100; at += 1) await tick(broker, `session:${at}`);
    });
    await plans.planAhead();
    expect(turn.turns).toBe(501);
    expect(summary(plans.finish()).map(({ head }) => head)).toEqual(Array.from({ length: 100 }, () => 502));
  });

  test('are abandoned when the connection is closed', async () => {
    const { plans, session, turn } = await plansOf(100, (_broker, at) => (session.closed = at === 3));
    await plans.planAhead();
    expect(turn.turns).toBe(4);
    plans.stop();
  });
});

describe('a failed resume of many streams', () => {
  test('attaches, plans and releases each stream without events in its own turn', async () => {
    const attached: number[] = [];
    const { plans, absent, turn, broker } = await plansOf(
      0,
      (at) => attached.push(at.streams().length),
      lostPositions(100),
    );
    expect(attached).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
    await plans.planAhead();
    expect(turn.turns).toBe(201);
    const { ended } = plans.finish();
    expect(ended.map(({ gap }) => gap?.reason)).toEqual(Array.from({ length: 100 }, () => 'epoch_changed'));
    await absent.release();
    expect(turn.turns).toBe(301);
    expect(broker.streams()).toEqual([]);
  });

  test('includes a stream that began while the others were planned', async () => {
    const { plans, absent } = await plansOf(
      0,
      (broker, turn) => (turn === 5 ? tick(broker, 'session:1') : undefined),
      lostPositions(3),
    );
    await plans.planAhead();
    const finished = plans.finish();
    expect(finished.ended.map(({ stream }) => stream).toSorted()).toEqual(['session:0', 'session:2']);
    expect(finished.plans).toMatchObject([{ stream: 'session:1', gap: { reason: 'epoch_changed' } }]);
    await absent.release();
  });

  test('builds each gap only when the socket accepts it, and until then reports the position of the client', async () => {
    const { plans, session, counters, finish } = await plansOf(100, () => undefined, lostPositions(100));
    const replays: Replay[] = [];
    session.bind({ sendReplay: (replay) => void replays.push(replay) } as Partial<Outlet> as Outlet);
    await plans.planAhead();
    const planned = finish();
    expect(planned.reply.recovery).toMatchObject({ recovered: false, reason: 'epoch_changed' });
    expect(planned.gaps).toEqual([]);
    planned.begin();
    const [gaps] = replays;
    const failed = (): number => counters.replay.failed;
    const waiting = () => [...(gaps?.waiting?.() ?? [])];
    expect(failed()).toBe(0);
    expect(waiting()).toEqual(lostPositions(100));
    const items: unknown[] = [];
    for (let next = gaps?.items.next(); next?.done === false; next = gaps?.items.next()) {
      items.push(next.value);
      // A gap counts as written when the next gap is requested.
      expect([failed(), waiting().length]).toEqual([items.length - 1, 101 - items.length]);
    }
    expect(items).toHaveLength(100);
    expect(items[99]).toMatchObject({ type: 'gap', data: { stream: 'session:99', from: { epoch: 'lost' } } });
    expect([failed(), waiting()]).toEqual([100, []]);
  });
});
