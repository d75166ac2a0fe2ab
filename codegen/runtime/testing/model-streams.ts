/**
 * A simple model of many streams with history and the rules of MUL. The tests compare the events that a client yields with this model. The
 * warm picture of a stream is its newest event.
 */
import { covers } from '../streams-request.ts';
import type { Frame, Position, StreamPosition } from '../wire.ts';
import type { FakeConnection } from './fake-server.ts';

export interface StreamEvent extends StreamPosition {
  readonly event: string;
  readonly payload: object;
}

interface Life {
  readonly epoch: string;
  readonly log: StreamEvent[];
  /** Number of events kept for replay. */
  window: number;
}

interface Subscriber {
  readonly connection: FakeConnection;
  readonly subscriptionId: string;
  readonly streams: readonly string[];
}

interface SubscribeData {
  readonly subscriptionId: string;
  readonly streams: readonly string[];
  readonly replay: { readonly mode: string; readonly positions?: readonly StreamPosition[] };
}

/** Number of streams in one `positions` message. It is smaller than that of a gateway, so that a test has several messages. */
const PORTION = 2;

export class ModelStreams {
  /** All events ever published, in all epochs. */
  readonly published: StreamEvent[] = [];
  /** Called before each event frame. If it returns false, the frame is counted but not sent. */
  carry: (event: StreamEvent, to: FakeConnection) => boolean = () => true;
  /** Called after each subscribe command was answered. */
  onSubscribed: () => void = () => undefined;
  readonly #lives = new Map<string, Life>();
  #subscribers: Subscriber[] = [];
  #epochs = 0;

  publish(stream: string, event = 'note'): StreamEvent {
    const life = this.#lifeOf(stream);
    const record = { stream, epoch: life.epoch, sequenceId: life.log.length + 1, event, payload: {} };
    life.log.push(record);
    this.published.push(record);
    for (const [connection, ids] of this.#followers(stream)) this.#deliver(connection, ids, record, {});
    return record;
  }

  head(stream: string): Position {
    const { epoch, log } = this.#lifeOf(stream);
    return { epoch, sequenceId: log.length };
  }

  /** Simulates the loss of a stream's counter: a new epoch begins, and every subscriber receives a gap. */
  loseEpoch(stream: string): void {
    const from = this.head(stream);
    this.#lives.delete(stream);
    const to = this.head(stream);
    for (const [connection, subscriptionIds] of this.#followers(stream))
      connection.send('gap', { stream, subscriptionIds, from, to, reason: 'epoch_changed' });
  }

  /** Removes a stream, as after a long time without events (MUL-6). */
  expire(stream: string): void {
    this.#lives.delete(stream);
    for (const [connection, ids] of this.#followers(stream))
      for (const subscriptionId of ids)
        connection.send('positions', { subscriptionId, positions: [], ended: [stream] });
  }

  /** Keeps only the newest events of a stream. */
  shorten(stream: string, window: number): void {
    this.#lifeOf(stream).window = window;
  }

  heartbeat(connection: FakeConnection): void {
    connection.send('heartbeat', { delivered: connection.events, positions: this.#positions(['*']) });
  }

  script = (connection: FakeConnection, command: Frame): void => {
    if (command.type === 'subscribe') {
      this.#subscribe(connection, command);
      this.onSubscribed();
    } else if (command.type === 'unsubscribe') {
      const id = command.data.subscriptionId;
      this.#subscribers = this.#subscribers.filter((s) => s.connection !== connection || s.subscriptionId !== id);
      connection.reply(command, 'unsubscribed', { subscriptionIds: [id] });
    }
  };

  #subscribe(connection: FakeConnection, command: Frame): void {
    const data = command.data as unknown as SubscribeData;
    const { subscriptionId, streams, replay } = data;
    const asked = new Map((replay.positions ?? []).map((each) => [each.stream, each]));
    const gone = [...asked.keys()].filter((stream) => covers(streams, stream) && this.head(stream).sequenceId === 0);
    const plans = [...this.#positions(streams).map(({ stream }) => stream), ...gone].map((stream) => ({
      stream,
      from: asked.get(stream) ?? { epoch: this.head(stream).epoch, sequenceId: 0 },
    }));
    const failed = replay.mode === 'resume' ? plans.filter((plan) => this.#failure(plan) !== undefined) : [];
    const recovery = { attempted: replay.mode === 'resume', recovered: failed.length === 0 };
    connection.reply(command, 'subscribed', { subscriptionId, streams, events: ['*'], filter: {}, recovery });
    for (const { stream, from } of failed)
      connection.send('gap', {
        stream,
        subscriptionIds: [subscriptionId],
        from: { epoch: from.epoch, sequenceId: from.sequenceId },
        to: this.head(stream),
        reason: this.#failure({ stream, from }),
      });
    let count = 0;
    const portions: StreamPosition[] = [];
    for (const plan of plans) {
      const isWarm = replay.mode === 'warm' || failed.includes(plan);
      const { log } = this.#lifeOf(plan.stream);
      const events = isWarm ? log.slice(-1) : log.slice(plan.from.sequenceId);
      if (replay.mode !== 'none')
        for (const event of events)
          this.#deliver(connection, [subscriptionId], event, { replayReason: isWarm ? 'warm' : 'resume' });
      count += events.length;
      if (!gone.includes(plan.stream)) portions.push({ stream: plan.stream, ...this.head(plan.stream) });
      if (portions.length === PORTION) connection.send('positions', { subscriptionId, positions: portions.splice(0) });
    }
    if (portions.length > 0) connection.send('positions', { subscriptionId, positions: portions });
    if (gone.length > 0) connection.send('positions', { subscriptionId, positions: [], ended: gone });
    if (replay.mode !== 'none') connection.send('replay_complete', { subscriptionId, count, truncated: false });
    this.#subscribers.push({ connection, subscriptionId, streams });
  }

  #failure({ stream, from }: { readonly stream: string; readonly from: Position }): string | undefined {
    const { epoch, log, window } = this.#lifeOf(stream);
    if (from.epoch !== epoch) return 'epoch_changed';
    if (from.sequenceId > log.length) return 'unknown_position';
    return from.sequenceId < log.length - window ? 'window_exceeded' : undefined;
  }

  #positions(streams: readonly string[]): StreamPosition[] {
    return [...this.#lives.keys()]
      .filter((stream) => covers(streams, stream) && this.head(stream).sequenceId > 0)
      .map((stream) => ({ stream, ...this.head(stream) }));
  }

  #lifeOf(stream: string): Life {
    const found = this.#lives.get(stream);
    if (found !== undefined) return found;
    this.#epochs += 1;
    const life: Life = { epoch: `e${this.#epochs}`, log: [], window: Number.POSITIVE_INFINITY };
    this.#lives.set(stream, life);
    return life;
  }

  #followers(stream: string): ReadonlyMap<FakeConnection, readonly string[]> {
    const followers = new Map<FakeConnection, string[]>();
    for (const { connection, subscriptionId, streams } of this.#subscribers)
      if (covers(streams, stream)) followers.set(connection, [...(followers.get(connection) ?? []), subscriptionId]);
    return followers;
  }

  #deliver(connection: FakeConnection, subscriptionIds: readonly string[], event: StreamEvent, extra: object): void {
    if (!this.carry(event, connection)) {
      connection.events += 1;
      return;
    }
    connection.send('event', { subscriptionIds, isReplay: 'replayReason' in extra, ...extra, ...event });
  }
}
