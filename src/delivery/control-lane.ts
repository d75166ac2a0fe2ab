/** The lane of an outbox for control messages (`pong`, heartbeats, errors), which never wait behind events (BCK-1). */
import { workMs } from './work-time.ts';

interface Control {
  /** A frame, or a function that builds the frame when it is written. */
  readonly frame: Buffer | (() => Buffer);
  readonly since: number;
}

export interface ControlLaneOptions {
  readonly now: () => number;
  /** Receives the change of the number of queued bytes. */
  readonly onBytes: (bytes: number) => void;
  /** Receives the processing time that was needed to build a message, in milliseconds. */
  readonly onWork: ((ms: number) => void) | undefined;
}

export class ControlLane {
  readonly #options: ControlLaneOptions;
  #messages: Control[] = [];
  /**
   * Builds a message that reports the current state. It is built when it is written, so one pending message is enough for several requests.
   */
  #report: (() => Buffer) | undefined;

  constructor(options: ControlLaneOptions) {
    this.#options = options;
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

  /** @param frame a function builds the frame when it is written; until then, the message needs no memory for its bytes */
  push(frame: Buffer | (() => Buffer)): void {
    this.#messages.push({ frame, since: this.#options.now() });
    if (Buffer.isBuffer(frame)) this.#options.onBytes(frame.length);
  }

  /** Queues a report, which replaces a report that was not sent yet. */
  pushReport(make: () => Buffer): void {
    this.#report = make;
  }

  /** Takes about `room` bytes of messages. If no message is left, also takes the report. */
  take(room: number): Buffer[] {
    const frames: Buffer[] = [];
    let bytes = 0;
    for (const { frame } of this.#messages) {
      if (bytes >= room) break;
      const taken = Buffer.isBuffer(frame) ? frame : this.#make(frame);
      frames.push(taken);
      bytes += taken.length;
      if (taken === frame) this.#options.onBytes(-taken.length);
    }
    if (frames.length > 0) this.#messages.splice(0, frames.length);
    if (this.#messages.length === 0) frames.push(...this.takeReport());
    return frames;
  }

  takeReport(): Buffer[] {
    const make = this.#report;
    this.#report = undefined;
    return make === undefined ? [] : [make()];
  }

  /** Drops all messages. The caller subtracts their bytes. */
  clear(): void {
    this.#messages = [];
    this.#report = undefined;
  }

  #make(make: () => Buffer): Buffer {
    const { result, ms } = workMs(make);
    this.#options.onWork?.(ms);
    return result;
  }
}
