/**
 * Converts messages to server-sent events (WHATWG HTML, 9.2). It decides which of them have an `id`. A client resumes after the last `id`
 * that it received, so an `id` must not be sent while an earlier event is still to be sent (SSE-2).
 *
 *     id: main@01JD8Q6Z6M.4102
 *     data: {"type":"event","data":{…}}
 *
 * An event message has no `event:` line, so that a browser passes it to `onmessage`. `data` needs only one line, because encoded JSON
 * contains no line breaks: within strings, they are escaped.
 */
import type { ReplayReason, ReplayRequest, ServerMessage, SubscribedData } from '../../generated/types.ts';
import type { EventRecord } from '../broker/broker.ts';
import type { Position } from '../replay/record.ts';
import { EVENT_END } from './codec.ts';
import type { FramedEvent, Framing } from './framing.ts';
import { positionToken } from './position-token.ts';
import type { TokenPosition } from './position-token.ts';

const DATA = 'data: ';
const END = `${EVENT_END}\n\n`;

export interface EventStreamOptions {
  readonly stream: string;
  readonly replay: ReplayRequest;
  /** How long a client waits before it reconnects, if the end of the connection was not announced. In milliseconds. */
  readonly retryMs: number;
}

export class EventStreamFraming implements Framing {
  readonly kind = 'event-stream';
  readonly #options: EventStreamOptions;
  /** Whether the warm picture was sent completely. A client that reconnects before this needs the picture again. */
  #picture: 'pending' | 'complete';

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#picture = options.replay.mode === 'none' ? 'complete' : 'pending';
  }

  message(message: ServerMessage): Buffer {
    const id = this.#idOf(message);
    const retry = this.#retryOf(message);
    return Buffer.from(
      `event: ${message.type}\n${retry === undefined ? '' : `retry: ${retry}\n`}${id}${DATA}${JSON.stringify(message)}\n\n`,
    );
  }

  eventBytes(prefix: string, record: EventRecord, reason?: ReplayReason): number {
    return idLine(record, reason).length + DATA.length + prefix.length + record.bytes + END.length;
  }

  events(prefix: string, records: readonly EventRecord[], reason?: ReplayReason): Buffer {
    const texts = records.map((record) => `${idLine(record, reason)}${DATA}${prefix}${record.body}${END}`);
    return Buffer.from(texts.join(''));
  }

  writeEvent(target: Buffer, offset: number, { prefix, record, reason }: FramedEvent): number {
    const afterPrefix = offset + target.write(`${idLine(record, reason)}${DATA}${prefix}`, offset, 'latin1');
    const afterBody = afterPrefix + target.write(record.body, afterPrefix, 'utf8');
    return afterBody + target.write(END, afterBody, 'latin1');
  }

  #retryOf(message: ServerMessage): number | undefined {
    if (message.type === 'welcome') return this.#options.retryMs;
    return message.type === 'closing' ? message.data.retryAfterMs : undefined;
  }

  #idOf(message: ServerMessage): string {
    const { stream } = this.#options;
    switch (message.type) {
      case 'subscribed':
        return this.#idOfSubscribed(message.data);
      case 'replay_complete':
        this.#picture = 'complete';
        return lineAt(stream, message.data.position);
      case 'gap':
        return this.#picture === 'pending' ? '' : lineOf([{ stream, ...message.data.to }]);
      case 'heartbeat':
        return this.#picture === 'pending' ? '' : lineOf(message.data.positions);
      default:
        return '';
    }
  }

  /** The `id` of `subscribed`. In a first picture, it is where the client resumes if it does not receive the whole picture (RPL-7). */
  #idOfSubscribed({ position, recovery }: SubscribedData): string {
    const { stream, replay } = this.#options;
    if (replay.mode === 'none') return lineAt(stream, position);
    if (replay.mode === 'warm') return lineAt(stream, position, 'pending');
    if (!('after' in replay) || !recovery.attempted || !recovery.recovered) return '';
    if (replay.withPicture === true) return lineAt(stream, replay.after, 'pending');
    this.#picture = 'complete';
    return '';
  }
}

function idLine(record: EventRecord, reason: ReplayReason | undefined): string {
  return reason === 'warm' ? '' : lineOf([record]);
}

/** The `id:` line for a position of a subscription to one stream. */
function lineAt(
  stream: string,
  position: Position | undefined,
  picture: TokenPosition['picture'] = 'complete',
): string {
  return position === undefined ? '' : lineOf([{ stream, ...position, picture }]);
}

function lineOf(positions: readonly TokenPosition[]): string {
  return positions.length === 0 ? '' : `id: ${positionToken(positions)}\n`;
}
