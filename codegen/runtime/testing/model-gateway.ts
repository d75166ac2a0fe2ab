/**
 * A simple model of one stream with history and the replay rules of RPL. Tests compare the state of a client with this
 * model. Every name is `latest-per-key` by `payload.id` in a warm replay, except `file_change`, which is not replayed;
 * `entity_deleted` removes its key.
 */
import type { Frame, Position } from '../wire.ts';
import type { FakeConnection } from './fake-server.ts';

export interface ModelEvent {
  readonly epoch: string;
  readonly sequenceId: number;
  readonly event: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

interface Subscriber {
  readonly connection: FakeConnection;
  readonly subscriptionId: string;
  readonly events: readonly string[];
}

const STREAM = 'main';

export class ModelGateway {
  epoch = 'e1';
  log: ModelEvent[] = [];
  /** All events ever published, in all epochs. */
  readonly published: ModelEvent[] = [];
  /** Number of events kept for replay. Older events are lost for a resume. */
  window = Number.POSITIVE_INFINITY;
  /** Called before each event frame. If it returns false, the frame is counted but not sent. */
  carry: (event: ModelEvent, to: FakeConnection) => boolean = () => true;
  /**
   * If set, the next replay ends after half of its events, together with the connection. Called when the connection
   * has ended.
   */
  onReplayCut: (() => void) | undefined;
  #subscribers: Subscriber[] = [];
  #sequence = 0;

  get head(): Position {
    return { epoch: this.epoch, sequenceId: this.#sequence };
  }

  /** The newest event of each entity: what a mirror of `entity_*` shows. */
  get picture(): ReadonlyMap<string, ModelEvent> {
    return new Map(warmPicture(this.log).map((event) => [String(event.payload.id), event]));
  }

  get subscribers(): number {
    return this.#subscribers.filter((subscriber) => subscriber.connection.isOpen).length;
  }

  publish(event: string, payload: ModelEvent['payload']): ModelEvent {
    this.#sequence += 1;
    const record: ModelEvent = { epoch: this.epoch, sequenceId: this.#sequence, event, payload };
    this.log.push(record);
    this.published.push(record);
    const byConnection = new Map<FakeConnection, string[]>();
    for (const { connection, subscriptionId, events } of this.#subscribers) {
      if (!matches(events, event)) continue;
      byConnection.set(connection, [...(byConnection.get(connection) ?? []), subscriptionId]);
    }
    for (const [connection, ids] of byConnection) this.#deliver(connection, ids, record, {});
    return record;
  }

  /** Simulates the loss of the stream's counter: starts a new epoch, and reports it to every subscriber. */
  loseEpoch(epoch: string): void {
    const from = this.head;
    this.epoch = epoch;
    this.#sequence = 0;
    this.log = [];
    const byConnection = new Map<FakeConnection, string[]>();
    for (const { connection, subscriptionId } of this.#subscribers) {
      byConnection.set(connection, [...(byConnection.get(connection) ?? []), subscriptionId]);
    }
    for (const [connection, subscriptionIds] of byConnection) {
      connection.send('gap', { stream: STREAM, subscriptionIds, from, to: this.head, reason: 'epoch_changed' });
    }
  }

  heartbeat(connection: FakeConnection): void {
    connection.send('heartbeat', { delivered: connection.events, positions: [{ stream: STREAM, ...this.head }] });
  }

  script = (connection: FakeConnection, command: Frame): void => {
    const { type, data } = command;
    if (type === 'subscribe') this.#subscribe(connection, command);
    else if (type === 'unsubscribe') {
      const id = data.subscriptionId;
      this.#subscribers = this.#subscribers.filter((s) => s.connection !== connection || s.subscriptionId !== id);
      connection.reply(command, 'unsubscribed', { subscriptionIds: [id] });
    } else if (type === 'ping') connection.reply(command, 'pong', { time: '2026-03-02T09:15:00.000Z' });
    else if (type === 'sync') connection.reply(command, 'synced', { stream: STREAM, position: this.head });
    else if (type === 'broadcast') {
      const { sequenceId } = this.publish(String(data.event), data.payload as ModelEvent['payload']);
      connection.reply(command, 'broadcasted', { stream: STREAM, epoch: this.epoch, sequenceId });
    } else if (type === 'authenticate') connection.reply(command, 'authenticated', { principal: { id: 'user:ana' } });
    else if (type === 'list_subscriptions') {
      const items = this.#subscribers.filter((s) => s.connection === connection);
      connection.reply(command, 'subscriptions', { items: items.map(({ subscriptionId }) => ({ subscriptionId })) });
    }
  };

  #subscribe(connection: FakeConnection, command: Frame): void {
    const { subscriptionId, events, replay } = command.data as {
      subscriptionId: string;
      events: string[];
      replay: { mode: string; after?: Position };
    };
    if (this.#subscribers.some((s) => s.connection === connection && s.subscriptionId === subscriptionId)) {
      connection.refuse(command, { code: 'subscription_exists' });
      return;
    }
    const kept = this.log.slice(-Math.min(this.window, this.log.length));
    const reason = replay.after === undefined ? undefined : this.#unrecoverable(replay.after, kept);
    const recovery =
      replay.after === undefined
        ? { attempted: false }
        : { attempted: true, recovered: reason === undefined, ...(reason === undefined ? {} : { reason }) };
    const data = { subscriptionId, stream: STREAM, events, filter: {}, position: this.head, recovery };
    connection.reply(command, 'subscribed', data);
    if (reason !== undefined) {
      const gapReason = reason === 'window_exceeded' ? reason : 'epoch_changed';
      const gap = { stream: STREAM, subscriptionIds: [subscriptionId], from: replay.after, to: this.head };
      connection.send('gap', { ...gap, reason: gapReason });
    }
    if (replay.mode !== 'none') {
      const after = reason === undefined ? replay.after : undefined;
      const replayed = (
        after === undefined ? warmPicture(this.log) : kept.filter((e) => e.sequenceId > after.sequenceId)
      ).filter((e) => matches(events, e.event));
      const replayReason = after === undefined ? 'warm' : 'resume';
      const { onReplayCut } = this;
      if (onReplayCut !== undefined) {
        this.onReplayCut = undefined;
        const half = replayed.slice(0, Math.ceil(replayed.length / 2));
        for (const event of half) this.#deliver(connection, [subscriptionId], event, { replayReason });
        setImmediate(() => {
          connection.drop();
          onReplayCut();
        });
        return;
      }
      for (const event of replayed) this.#deliver(connection, [subscriptionId], event, { replayReason });
      const count = replayed.length;
      connection.send('replay_complete', { subscriptionId, position: this.head, count, truncated: false });
    }
    this.#subscribers.push({ connection, subscriptionId, events });
  }

  #unrecoverable(after: Position, kept: readonly ModelEvent[]): string | undefined {
    if (after.epoch !== this.epoch) return 'epoch_changed';
    if (after.sequenceId > this.#sequence) return 'unknown_position';
    const floor = kept[0]?.sequenceId ?? this.#sequence + 1;
    return after.sequenceId + 1 < floor ? 'window_exceeded' : undefined;
  }

  #deliver(connection: FakeConnection, subscriptionIds: readonly string[], event: ModelEvent, extra: object): void {
    if (!this.carry(event, connection)) {
      connection.events += 1;
      return;
    }
    const isReplay = 'replayReason' in extra;
    connection.send('event', { subscriptionIds, isReplay, ...extra, stream: STREAM, ...event });
  }
}

function warmPicture(log: readonly ModelEvent[]): readonly ModelEvent[] {
  const newest = new Map<unknown, ModelEvent>();
  for (const event of log) {
    if (event.event === 'entity_deleted') newest.delete(event.payload.id);
    else if (event.event !== 'file_change') newest.set(event.payload.id, event);
  }
  return [...newest.values()].toSorted((a, b) => a.sequenceId - b.sequenceId);
}

function matches(patterns: readonly string[], event: string): boolean {
  return patterns.some((p) => (p.endsWith('*') ? event.startsWith(p.slice(0, -1)) : p === event));
}
