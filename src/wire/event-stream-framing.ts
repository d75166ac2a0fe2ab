/**
 * Converts messages to server-sent events (WHATWG HTML, 9.2), with an `id` if `EventIds` (event-ids.ts) supplies one. A client resumes
 * after the last `id` that it received, so an `id` must not be sent before all earlier events have been sent (SSE-2).
 *
 *     id: main@01JD8Q6Z6M.4102
 *     data: {"type":"event","data":{…}}
 *
 * An event message has no `event:` line, so that a browser passes it to `onmessage`. `data` needs only one line, because encoded JSON
 * contains no line breaks: within strings, they are escaped.
 */
import type { ReplayReason, ServerMessage } from '../../generated/types.ts';
import type { EventRecord } from '../broker/broker.ts';
import type { StreamPosition } from '../replay/record.ts';
import { EVENT_END } from './codec.ts';
import type { EventIds } from './event-ids.ts';
import { positionToken } from './position-token.ts';
import type { FramedEvent, Framing } from './framing.ts';

const ID = Buffer.from('id: ');
const DATA = 'data: ';
const END = `${EVENT_END}\n\n`;

export interface EventStreamOptions {
  readonly ids: EventIds;
  /** How long a client waits before it reconnects, in milliseconds, if no `closing` announced the end of the connection. */
  readonly retryMs: number;
  /** `shared` if the ids of live events depend only on the event, so that connections can share their bytes. */
  readonly bytes: 'shared' | 'own';
}

let owners = 0;

export class EventStreamFraming implements Framing {
  readonly kind: string;
  readonly resumedKind: string;
  readonly #ids: EventIds;
  readonly #retryMs: number;

  constructor({ ids, retryMs, bytes }: EventStreamOptions) {
    this.#ids = ids;
    this.#retryMs = retryMs;
    if (bytes === 'own') owners += 1;
    this.kind = bytes === 'own' ? `event-stream ${owners}` : 'event-stream';
    this.resumedKind = `event-stream ${ids.resumed}`;
  }

  positionsFramed(): void {
    this.#ids.positionsFramed();
  }

  message(message: ServerMessage): Buffer {
    return this.#frame(message, this.#ids.ofMessage(message));
  }

  replayMessage(message: ServerMessage): Buffer {
    return this.#frame(message, this.#ids.ofReplayMessage(message));
  }

  written(frame: Buffer, event: StreamPosition): Buffer {
    if (frame.subarray(0, ID.length).equals(ID)) return frame;
    return Buffer.concat([Buffer.from(idLine(this.#ids.ofWaiting(event))), frame]);
  }

  #frame(message: ServerMessage, id: string): Buffer {
    const retry = this.#retryOf(message);
    return Buffer.from(
      `event: ${message.type}\n${retry === undefined ? '' : `retry: ${retry}\n`}${idLine(id)}${DATA}${JSON.stringify(message)}\n\n`,
    );
  }

  eventBytes(prefix: string, record: EventRecord, reason?: ReplayReason): number {
    return this.#idOf(record, reason).length + DATA.length + prefix.length + record.bytes + END.length;
  }

  events(prefix: string, records: readonly EventRecord[], reason?: ReplayReason): Buffer {
    const text = records.map((record) => `${this.#idOf(record, reason)}${DATA}${prefix}${record.body}${END}`).join('');
    const frames = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
    frames.write(text, 'utf8');
    return frames;
  }

  writeEvent(target: Buffer, offset: number, { prefix, record, reason }: FramedEvent): number {
    const afterPrefix = offset + target.write(`${this.#idOf(record, reason)}${DATA}${prefix}`, offset, 'latin1');
    const afterBody = afterPrefix + target.write(record.body, afterPrefix, 'utf8');
    return afterBody + target.write(END, afterBody, 'latin1');
  }

  #retryOf(message: ServerMessage): number | undefined {
    if (message.type === 'welcome') return this.#retryMs;
    return message.type === 'closing' ? message.data.retryAfterMs : undefined;
  }

  #idOf(record: EventRecord, reason: ReplayReason | undefined): string {
    if (reason === undefined) return idLine(this.#ids.ofLive(record));
    return reason === 'resume' && this.#ids.resumed === 'with ids' ? idLine(positionToken([record])) : '';
  }
}

function idLine(id: string): string {
  return id === '' ? '' : `id: ${id}\n`;
}
