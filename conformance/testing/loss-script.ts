/** Traces in which a client loses events, for the tests of the invariants that find such losses. */
import { INVARIANTS } from '../invariants/table.ts';
import { checkOf } from '../trace/finding.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { Trace } from '../trace/trace.ts';

export const STREAM = 'workspace:w';

/** A trace in which one client subscribes to a stream, and a witness receives the events that the client misses. */
export class Script {
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

  /** Sends a sync, and receives its reply. */
  syncs(position: string): this {
    this.#line(1, '>>', { type: 'sync', id: 'sync', data: { stream: STREAM } });
    return this.gets('synced', { stream: STREAM, position: placeAt(position) }, 'sync');
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
export function placeAt(text: string): { readonly epoch: string; readonly sequenceId: number } {
  const [epoch = '', sequenceId = ''] = text.split(' ');
  return { epoch, sequenceId: Number(sequenceId) };
}

const JUDGES = ['ascending', 'contiguous', 'filter-complete', 'many-streams', 'sync-barrier'];

/** The invariants that find a fault in the trace. */
export function findersOf({ trace }: Script): readonly string[] {
  return JUDGES.filter((name) => {
    const invariant = INVARIANTS.find(({ id }) => id === `invariants/${name}`);
    return invariant !== undefined && checkOf(invariant).judge(trace).violations.length > 0;
  });
}

export const script = (): Script => new Script();
