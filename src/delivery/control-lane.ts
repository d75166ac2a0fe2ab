/** The lane of an outbox for control messages (`pong`, heartbeats, errors), which never wait behind events (BCK-1). */
import type { QueueAccount } from './queue-account.ts';
import { workMs } from './work-time.ts';

interface Control {
  /** A frame, or a function that builds the frame when it is written. */
  readonly frame: Buffer | (() => Buffer);
  readonly since: number;
}

/** The list of an empty lane. All idle connections share it, so nothing may be added to it. */
const NONE: Control[] = [];

export class ControlLane {
  readonly #account: QueueAccount;
  #messages = NONE;
  /**
   * Builds a message that reports the current state. The message is built when it is written, so one pending report is enough for several
   * requests.
   */
  #report: (() => Buffer) | undefined;

  constructor(account: QueueAccount) {
    this.#account = account;
  }

  /** Number of queued messages, without the report. */
  get length(): number {
    return this.#messages.length;
  }

  /** Whether neither a message nor a report is queued. */
  get isEmpty(): boolean {
    return this.#messages.length === 0 && this.#report === undefined;
  }

  /** The time at which the oldest message was queued; undefined if there is none. */
  get since(): number | undefined {
    return this.#messages[0]?.since;
  }

  /** @param frame the frame, or a function that builds the frame when it is written, so that the frame needs no memory until then */
  push(frame: Buffer | (() => Buffer)): void {
    const message = { frame, since: this.#account.now() };
    if (this.#messages.length === 0) this.#messages = [message];
    else this.#messages.push(message);
    if (Buffer.isBuffer(frame)) this.#account.add(frame.length);
  }

  /** Queues a report, which replaces a report that was not sent yet. */
  pushReport(make: () => Buffer): void {
    this.#report = make;
  }

  /** Removes messages of about `room` bytes in total, then the report ({@link pushReport}) if no message is left. @returns their frames */
  take(room: number): Buffer[] {
    const frames: Buffer[] = [];
    let bytes = 0;
    for (const { frame } of this.#messages) {
      if (bytes >= room) break;
      const taken = Buffer.isBuffer(frame) ? frame : this.#make(frame);
      frames.push(taken);
      bytes += taken.length;
      if (taken === frame) this.#account.add(-taken.length);
    }
    if (frames.length > 0)
      this.#messages = frames.length < this.#messages.length ? this.#messages.slice(frames.length) : NONE;
    if (this.#messages.length === 0) frames.push(...this.takeReport());
    return frames;
  }

  takeReport(): Buffer[] {
    const make = this.#report;
    this.#report = undefined;
    return make === undefined ? [] : [make()];
  }

  /** Drops all messages. The caller must subtract their bytes from the account. */
  clear(): void {
    this.#messages = NONE;
    this.#report = undefined;
  }

  #make(make: () => Buffer): Buffer {
    const { result, ms } = workMs(make);
    this.#account.owner.chargeWork(ms);
    return result;
  }
}
