/**
 * Tests a mirror whose log is lost at a given moment of a read. The log is in memory, because a real Redis cannot be made to lose a log at
 * exactly this moment. missed-streams.test.ts, unreadable-streams.test.ts and follow-schedules.slow.test.ts use a real Redis.
 */
import { expect, test, vi } from 'vitest';
import type { Line, StreamState } from './line.ts';
import { StreamMirror } from './mirror.ts';
import type { LogPage, MirrorHistory } from './mirror.ts';

const SERVER = 'server';
const CONTENT = '"source":{"name":"a","principal":"key:a"},"payload":{}';

const lineOf = (epoch: string, sequenceId: number): Line => {
  return { epoch, sequenceId, at: sequenceId, eventId: `${epoch}.${sequenceId}`, event: 'e', content: CONTENT };
};

/** One stream in Redis. */
class Log {
  epoch = 'E1';
  events = 0;
  /** The sequenceId of the first event that was not trimmed. */
  first = 1;
  /** Called after each read, before the mirror receives the result. */
  onRead: () => void = () => undefined;

  get state(): StreamState {
    const { epoch, events } = this;
    const eventId = events === 0 ? '-' : `${epoch}.${events}`;
    return { epoch, sequenceId: events, at: events, eventId, incarnation: SERVER, losses: 0, evicted: false };
  }

  async page(): Promise<LogPage> {
    const lines = Array.from({ length: this.events }, (_, at) => lineOf(this.epoch, at + 1));
    const page = { state: this.state, departures: 0, more: false, lines: lines.slice(this.first - 1) };
    this.onRead();
    return page;
  }

  begin(epoch: string, events: number): void {
    Object.assign(this, { epoch, events, first: 1 });
  }
}

const HISTORY: MirrorHistory = {
  events: 0,
  bytes: 0,
  append: () => undefined,
  expire: () => undefined,
  snapshot: () => {
    throw new Error('no snapshot is needed');
  },
  shrink: () => false,
  principals: [],
  weightOf: () => 0,
  close: () => undefined,
};

/** Creates a mirror. A stream whose epoch ends counts as expired. @returns the mirror, and the calls of its listener */
function mirrorOf(
  log: Log,
  deliverFrom: 'start' | 'head',
): { readonly mirror: StreamMirror; readonly reports: string[] } {
  const reports: string[] = [];
  const mirror = new StreamMirror({
    stream: 'session:a',
    deliverAfter: ({ epoch, sequenceId }, unread) => {
      if (unread !== undefined) reports.push(`missed ${unread}`);
      return { epoch, sequenceId: deliverFrom === 'start' ? 0 : sequenceId };
    },
    hasExpired: () => true,
    source: {
      readLog: () => log.page(),
      readRetained: async () => [],
      open: async () => log.state,
      settle: async () => log.state,
      isSettled: async () => true,
    },
    createHistory: () => HISTORY,
    onEvent: ({ epoch, sequenceId }) => reports.push(`${epoch}.${sequenceId}`),
    onLoss: ({ from, to }) => reports.push(`lost ${from.epoch}.${from.sequenceId} to ${to.epoch}.${to.sequenceId}`),
    onEnded: () => reports.push('ended'),
    onKnown: () => undefined,
    onRead: () => undefined,
    accepts: () => true,
  });
  return { mirror, reports };
}

test('an event of a newer epoch that arrives during the first read makes no history of the older epoch live', async () => {
  const log = new Log();
  log.begin('E1', 2);
  const { mirror, reports } = mirrorOf(log, 'head');
  log.onRead = () => {
    log.onRead = () => undefined;
    log.begin('E2', 1);
    mirror.receive(lineOf('E2', 1), SERVER);
  };
  await mirror.catchUp();
  expect(reports).toEqual(['ended', 'E2.1']);
});

test('a newer epoch that is seen during the first read is no earlier run of the stream', async () => {
  const log = new Log();
  log.begin('E1', 2);
  const { mirror, reports } = mirrorOf(log, 'start');
  log.onRead = () => {
    log.onRead = () => undefined;
    log.begin('E2', 1);
    mirror.see('E2');
  };
  await mirror.catchUp();
  await mirror.catchUp();
  expect(reports).toEqual(['E1.1', 'E1.2', 'ended', 'E2.1']);
});

test('an epoch that was seen before the first read, and that Redis no longer has, is missed', async () => {
  const log = new Log();
  log.begin('E2', 1);
  const { mirror, reports } = mirrorOf(log, 'start');
  mirror.see('E1');
  await mirror.catchUp();
  expect(reports).toEqual(['missed E1', 'E2.1']);
});

test('an epoch that begins during a read and is deleted before the next read is reported as lost', async () => {
  const log = new Log();
  log.begin('E1', 1);
  const { mirror, reports } = mirrorOf(log, 'start');
  await mirror.catchUp();
  Object.assign(log, { events: 9, first: 6 });
  let reads = 0;
  log.onRead = () => {
    reads += 1;
    if (reads !== 2) return;
    // The second read is the one that replaces the history.
    mirror.receive(lineOf('E2', 1), SERVER);
    log.begin('E3', 1);
  };
  await mirror.catchUp();
  expect(reports.slice(0, 2)).toEqual(['E1.1', 'lost E1.1 to E1.5']);
  expect(reports.slice(-2)).toEqual(['lost E1.9 to E3.0', 'E3.1']);
});

test('a late event of an earlier epoch does not make the normal end of the stream a loss', async () => {
  const log = new Log();
  log.begin('E1', 1);
  const { mirror, reports } = mirrorOf(log, 'start');
  await mirror.catchUp();
  mirror.receive(lineOf('E0', 7), SERVER);
  await vi.waitFor(() => expect(mirror.unread).toBeUndefined());
  log.begin('E2', 1);
  mirror.receive(lineOf('E2', 1), SERVER);
  await vi.waitFor(() => expect(reports).toEqual(['E1.1', 'ended', 'E2.1']));
});
