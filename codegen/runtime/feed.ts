/**
 * Implements a {@link Subscription}: receives the server's messages and decides with its cursor which events are new.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { Cursor } from './cursor.ts';
import type { ClientGapReason } from './cursor.ts';
import type { ReplayMode } from './server-subscription.ts';
import { ProtocolViolation } from './errors.ts';
import type { SubscriptionPlace } from './errors.ts';
import { FeedBase } from './feed-base.ts';
import type { FeedBaseOptions } from './feed-base.ts';
import type { ReplayEnd } from './feed-port.ts';
import type { StreamRequest } from './request.ts';
import type { ReplaySummary } from './subscription.ts';
import { isObject, readPosition } from './wire.ts';
import type { EventPrefix, Frame, Position } from './wire.ts';

export interface FeedOptions extends FeedBaseOptions, StreamRequest {}

export class Feed extends FeedBase<Position, ReplaySummary> {
  readonly #request: StreamRequest;
  readonly #cursor: Cursor;
  #head: Position | undefined;

  constructor(options: FeedOptions) {
    const { replay } = options;
    const after = replay.mode === 'resume' ? replay.after : undefined;
    super(options, after);
    this.#request = options;
    this.#cursor = new Cursor(after);
  }

  get stream(): string {
    return this.#request.stream;
  }

  get position(): Position | undefined {
    return this.reached;
  }

  get lag(): number | undefined {
    const { position } = this;
    if (position === undefined || this.#head?.epoch !== position.epoch) return undefined;
    return Math.max(0, this.#head.sequenceId - position.sequenceId);
  }

  // ---- calls from the connection

  event(data: Frame['data'], prefix: EventPrefix): void {
    const { fresh, gap } = this.#cursor.accept(prefix);
    if (!prefix.isReplay) this.#head = prefix;
    this.reportOwn(this.stream, gap);
    if (fresh) this.push(data);
    else this.drop(prefix);
  }

  replayComplete({ position, count, truncated }: ReplayEnd): void {
    if (position === undefined) {
      this.options.port.onViolation(this.#unplaced('replay_complete'));
      return;
    }
    this.reportOwn(this.stream, this.#cursor.complete(position));
    if (this.live) this.caught({ position, count, truncated });
    else this.subscribeAgain();
  }

  heartbeat(positions: ReadonlyMap<string, Position>): void {
    const position = positions.get(this.stream);
    if (position !== undefined) {
      this.#head = position;
      this.reportOwn(this.stream, this.#cursor.heartbeat(position));
    }
    this.#cursor.prove();
    this.moved();
  }

  lossFound(): void {
    this.#cursor.rewind();
  }

  // ---- used by the base class

  protected get live(): boolean {
    return this.#cursor.live;
  }

  protected forget(reason: ClientGapReason): void {
    this.#cursor.forget(reason);
  }

  protected skip(_stream: string, from: Position, to: Position): boolean {
    this.#cursor.skip(from, to);
    return true;
  }

  protected nextSubscribe(): { readonly asked: ReplayMode; readonly data: Frame['data'] } {
    const after = this.#cursor.position;
    const common = { ...this.common(), stream: this.stream };
    if (after !== undefined) return { asked: 'resume', data: { ...common, replay: { mode: 'resume', after } } };
    // After the position was discarded, a resume becomes a warm replay.
    const mode = this.#request.replay.mode === 'none' ? 'none' : 'warm';
    return { asked: mode, data: { ...common, replay: { mode } } };
  }

  protected subscribed(asked: ReplayMode, data: Frame['data']): void {
    const position = readPosition(data.position);
    if (position === undefined) {
      this.fail(this.#unplaced('subscribed'));
      return;
    }
    this.#head = position;
    const recovery = isObject(data.recovery) ? data.recovery : {};
    const outcome = { attempted: recovery.attempted === true, recovered: recovery.recovered === true };
    const gap = this.#cursor.start({ position, asked, recovery: outcome });
    this.confirmed(data, recovery);
    this.reportOwn(this.stream, gap);
    if (asked === 'none') this.caught({ position, count: 0, truncated: false });
  }

  protected mark(): Position | undefined {
    return this.#cursor.position;
  }

  protected readPlace(): SubscriptionPlace {
    return { subscriptionId: this.id, position: this.position };
  }

  protected receivedPlace(): SubscriptionPlace {
    return { subscriptionId: this.id, position: this.#cursor.position ?? this.position };
  }

  #unplaced(type: string): ProtocolViolation {
    return new ProtocolViolation(`The server sent a "${type}" without position (RPL-2).`);
  }
}
