import { describe, expect, test } from 'vitest';
import { checkOf } from '../trace/finding.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { Trace } from '../trace/trace.ts';
import { INVARIANTS } from './table.ts';

const STREAM = 'workspace:w';

/** A trace in which one client subscribes to a stream, and a witness receives the events that the client misses. */
class Script {
  readonly trace = new Trace({ trace: 1, startedAt: '2026-01-01T00:00:00.000Z', target: 'ws://losses/ws' }, () => 0);
  #serial = 0;

  #line(connection: number, dir: '>>' | '<<', message: JsonObject): this {
    this.trace.add({ actor: `client${connection}`, connection, dir, kind: 'text', text: JSON.stringify(message) });
    return this;
  }

  gets(type: string, data: Json, id?: string): this {
    return this.#line(1, '<<', { type, ...(id === undefined ? {} : { id }), data });
  }

  #subscribe(subscriptionId: string, asked: JsonObject, subscribed: JsonObject): this {
    this.#serial += 1;
    const id = `c${this.#serial}`;
    const data = { subscriptionId, events: ['*'], replay: { mode: 'none' }, ...asked };
    this.#line(1, '>>', { type: 'subscribe', id, data });
    return this.gets('subscribed', { subscriptionId, recovery: { attempted: false }, ...subscribed }, id);
  }

  toOne(id: string, position: string, asked: JsonObject = {}): this {
    return this.#subscribe(id, { stream: STREAM, ...asked }, { stream: STREAM, position: placeAt(position) });
  }

  /** Subscribes to all workspaces. `position` is that of the stream, if it had events. */
  toMany(id: string, position?: string): this {
    this.#subscribe(id, { streams: ['workspace:*'] }, { streams: ['workspace:*'] });
    return position === undefined
      ? this
      : this.gets('positions', { subscriptionId: id, positions: [{ stream: STREAM, ...placeAt(position) }] });
  }

  leaves(id: string): this {
    this.#line(1, '>>', { type: 'unsubscribe', id: `leave-${id}`, data: { subscriptionId: id } });
    return this.gets('unsubscribed', { subscriptionIds: [id] }, `leave-${id}`);
  }

  /** A live event, for these subscriptions of the client; without any, only the witness receives it. */
  event(position: string, ...subscriptionIds: readonly string[]): this {
    const data = {
      ...{ isReplay: false, stream: STREAM, ...placeAt(position), eventId: position, event: 'note' },
      ...{ emittedAt: '2026-01-01T00:00:00.000Z', source: { name: 'a' }, payload: {} },
    };
    if (subscriptionIds.length > 0) return this.gets('event', { ...data, subscriptionIds: [...subscriptionIds] });
    return this.#line(2, '<<', { type: 'event', data: { ...data, subscriptionIds: ['all'] } });
  }

  gap(from: string, to: string, subscriptionIds: readonly string[], reason = 'epoch_changed'): this {
    const data = {
      stream: STREAM,
      subscriptionIds: [...subscriptionIds],
      from: placeAt(from),
      to: placeAt(to),
      reason,
    };
    return this.gets('gap', data);
  }
}

/** `old 3` is the position 3 of the epoch `old`. */
function placeAt(text: string): { readonly epoch: string; readonly sequenceId: number } {
  const [epoch = '', sequenceId = ''] = text.split(' ');
  return { epoch, sequenceId: Number(sequenceId) };
}

const JUDGES = ['ascending', 'contiguous', 'filter-complete', 'many-streams'];

/** The invariants that find a fault in the trace. */
function findersOf({ trace }: Script): readonly string[] {
  return JUDGES.filter((name) => {
    const invariant = INVARIANTS.find(({ id }) => id === `invariants/${name}`);
    return invariant !== undefined && checkOf(invariant).judge(trace).violations.length > 0;
  });
}

const script = (): Script => new Script();

describe('an epoch that changes without a gap', () => {
  test.each<[string, Script]>([
    ['is found', script().toOne('a', 'old 0').event('old 1', 'a').event('new 1', 'a')],
    ['is found before the first event', script().toOne('a', 'old 0').event('new 1', 'a')],
    [
      'is found although a subscription to many streams began in the old epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').toMany('m', 'old 1').event('new 1', 'a'),
    ],
    [
      'is found although a subscription to many streams began in the new epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').toMany('m', 'new 1').event('new 2', 'a', 'm'),
    ],
    [
      'is found although a subscription to the stream began in the new epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').toOne('b', 'new 1').event('new 2', 'a', 'b'),
    ],
    [
      'is found although a later subscription began in the new epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').event('new 1', 'a').toOne('b', 'new 1'),
    ],
    [
      'is found although a gap names another subscription',
      script().toOne('a', 'old 1').toOne('b', 'old 1').gap('old 1', 'new 0', ['b']).event('new 1', 'a', 'b'),
    ],
    [
      'is found although a source loss was reported',
      script()
        .toOne('a', 'old 0')
        .event('old 1', 'a')
        .gap('old 1', 'old 1', ['a'], 'source_overflow')
        .event('new 1', 'a'),
    ],
  ])('%s', (_what, faulty) => {
    expect(findersOf(faulty)).toContain('ascending');
  });

  test('is found for a subscription to many streams, also after a source loss', () => {
    const faulty = script().toMany('m', 'old 1').gap('old 1', 'old 1', ['m'], 'source_overflow').event('new 1', 'm');
    expect(findersOf(faulty)).toEqual(['many-streams']);
  });

  test.each<[string, Script]>([
    [
      'if a gap names every subscription',
      script().toOne('a', 'old 1').toOne('b', 'old 1').gap('old 1', 'new 4', ['a', 'b']).event('new 5', 'a', 'b'),
    ],
    [
      'if each subscription has a gap of its own',
      script()
        .toOne('a', 'old 1')
        .toMany('m', 'old 1')
        .gap('old 1', 'new 0', ['a'])
        .gap('old 1', 'new 0', ['m'])
        .event('new 1', 'a', 'm'),
    ],
    [
      'if the client subscribed again in the new epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').leaves('a').toOne('b', 'new 0').event('new 1', 'b'),
    ],
    [
      'if the client subscribed again to many streams before the first event of the new epoch',
      script().toOne('a', 'old 0').event('old 1', 'a').leaves('a').toMany('m').event('new 1', 'm'),
    ],
    [
      'if the stream had ended',
      script()
        .toMany('m', 'old 1')
        .gets('positions', { subscriptionId: 'm', positions: [], ended: [STREAM] })
        .event('new 1', 'm'),
    ],
    [
      'if the server does not know the new epoch',
      script().toOne('a', 'old 1').gap('old 1', 'unknown 0', ['a']).event('new 1', 'a'),
    ],
  ])('is not assumed %s', (_what, right) => {
    expect(findersOf(right)).toEqual([]);
  });
});

describe('an event that is missing', () => {
  test.each<[string, Script, readonly string[]]>([
    [
      'after the end of a gap',
      script().toOne('a', 'old 1').gap('old 1', 'new 4', ['a']).event('new 6', 'a'),
      ['contiguous'],
    ],
    [
      'after the gap for a source loss',
      script().toOne('a', 'old 1').gap('old 1', 'old 1', ['a'], 'source_overflow').event('old 2').event('old 3', 'a'),
      ['contiguous', 'filter-complete'],
    ],
    [
      'after a failed resume',
      script()
        .toOne('a', 'new 4', { events: ['note'] })
        .gap('old 9', 'new 4', ['a'])
        .event('new 5')
        .event('new 6', 'a'),
      ['filter-complete'],
    ],
    [
      'after the end of a gap of many streams',
      script().toMany('m', 'old 1').gap('old 1', 'new 4', ['m']).event('new 6', 'm'),
      ['many-streams'],
    ],
    [
      'after the gap for a source loss of many streams',
      script().toMany('m', 'old 1').gap('old 1', 'old 1', ['m'], 'source_overflow').event('old 3', 'm'),
      ['many-streams'],
    ],
  ])('is found %s', (_what, faulty, finders) => {
    expect(findersOf(faulty)).toEqual(finders);
  });

  test.each<[string, Script]>([
    [
      'if a gap reports it',
      script().toOne('a', 'old 1').event('old 2').gap('old 1', 'old 2', ['a'], 'broker_lost').event('old 3', 'a'),
    ],
    [
      'if a gap of many streams reports it',
      script().toMany('m', 'old 1').gap('old 1', 'old 2', ['m'], 'broker_lost').event('old 3', 'm'),
    ],
  ])('is no fault %s', (_what, right) => {
    expect(findersOf(right)).toEqual([]);
  });
});
