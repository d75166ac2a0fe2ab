/**
 * Simulates the peer of a connection without a network. The socket has a buffer of limited size. A simulated `ws` writes frames to this
 * socket. Records each written frame and the step in which it was written.
 */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { LinkedWebSocket } from '../../connections/websocket-link.ts';

/** A message written by the gateway. */
export interface WrittenFrame {
  readonly type: string;
  readonly id: string | undefined;
  // The type allows any member, because the checks read members of all kinds of messages.
  readonly data: Record<string, unknown>;
  /** The step of the schedule in which the frame was written to the socket. */
  readonly step: number;
}

const HIGH_WATER_BYTES = 4096;

export class SimulatedSocket extends EventEmitter {
  readonly #written: { readonly bytes: Buffer; readonly step: number }[] = [];
  readonly #frames: WrittenFrame[] = [];
  #needsDrain = false;
  writableLength = 0;
  /** The current step of the schedule; the simulation sets it. */
  step = 0;

  write(bytes: Buffer): boolean {
    this.#written.push({ bytes, step: this.step });
    this.writableLength += bytes.length;
    this.#needsDrain = this.writableLength >= HIGH_WATER_BYTES;
    return !this.#needsDrain;
  }

  /** Lets the peer read this number of bytes. If the buffer is then empty, emits `drain`, like a real stream. */
  read(bytes: number): void {
    this.writableLength = Math.max(0, this.writableLength - bytes);
    if (this.writableLength > 0 || !this.#needsDrain) return;
    this.#needsDrain = false;
    this.emit('drain');
  }

  /** All frames written so far. Each write contains only whole frames. */
  frames(): readonly WrittenFrame[] {
    for (const { bytes, step } of this.#written.splice(0))
      for (const message of messagesIn(bytes)) this.#frames.push({ ...message, step });
    return this.#frames;
  }

  asDuplex(): Duplex {
    return this as unknown as Duplex;
  }
}

/** Parses unmasked text frames, which are the only frames that the gateway sends here (RFC 6455 §5.2). */
function* messagesIn(bytes: Buffer): Generator<Omit<WrittenFrame, 'step'>> {
  for (let at = 0; at < bytes.length;) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const [start, length] =
      short < 126
        ? [at + 2, short]
        : short === 126
          ? [at + 4, bytes.readUInt16BE(at + 2)]
          : [at + 10, Number(bytes.readBigUInt64BE(at + 2))];
    const { type, id, data } = JSON.parse(bytes.toString('utf8', start, start + length)) as WrittenFrame;
    yield { type, id, data };
    at = start + length;
  }
}

/** Has those methods of `ws` that a connection uses. */
export class SimulatedWs extends EventEmitter {
  isPaused = false;

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  ping(): void {
    this.emit('pong');
  }

  close(code: number): void {
    this.emit('close', code);
  }

  terminate(): void {
    this.emit('close', 1006);
  }

  send(text: string): void {
    this.emit('message', Buffer.from(text), false);
  }

  asWebSocket(): LinkedWebSocket {
    return this as unknown as LinkedWebSocket;
  }
}
