/** Parses the texts that the scripts in lua/ write to Redis. keys.ts describes the form of these texts. */
import type { EventRecord } from '../broker.ts';
import type { KeptLoss } from '../../replay/record.ts';
import { recordFromContent } from '../event-encoding.ts';
import { FORMAT } from './keys.ts';

/** The state of a stream, as it is stored in Redis. */
export interface StreamState {
  readonly sequenceId: number;
  readonly at: number;
  readonly eventId: string;
  readonly epoch: string;
  readonly incarnation: string;
  readonly losses: number;
  readonly evicted: boolean;
}

/** Whether the stream has had neither events nor source losses in its epoch. A client can create such a stream by just naming it. */
export function isBlank({ sequenceId, losses }: StreamState): boolean {
  return sequenceId === 0 && losses === 0;
}

/** One stored event. Only the parts before its content are parsed; the content is parsed when the event is needed. */
export interface Line {
  readonly epoch: string;
  readonly sequenceId: number;
  readonly at: number;
  readonly eventId: string;
  readonly event: string;
  readonly content: string;
}

/** A message with events on the channel of a stream. */
export interface Published {
  /** The server that published the events. */
  readonly incarnation: string;
  readonly lines: readonly Line[];
}

/** Parses a message with events. @throws {Error} if publish.lua did not write the text */
export function parsePublished(text: string): Published {
  const [server = '', ...lines] = text.split('\n');
  if (!server.startsWith('@') || lines.length === 0)
    throw new Error(`a message in Redis is not in the expected form: ${text.slice(0, 200)}`);
  return { incarnation: server.slice(1), lines: lines.map(parseLine) };
}

/** Converts the list that a script has returned to strings. An item that is nil becomes ''. */
export function asTexts(reply: unknown): readonly string[] {
  if (!Array.isArray(reply)) throw new Error('a script returned something other than a list');
  return reply.map((item: unknown) => (typeof item === 'string' || typeof item === 'number' ? String(item) : ''));
}

/** Thrown if another version of Tidemark wrote the state of a stream. */
export class ForeignState extends Error {}

/** Parses the state of a stream. @throws {ForeignState} if the text was not written by the scripts of this version */
export function parseState(text: string): StreamState {
  const [format, sequenceId, at, eventId, epoch, incarnation, losses, evicted] = text.split(' ');
  if (
    format !== `f${FORMAT}` ||
    eventId === undefined ||
    epoch === undefined ||
    incarnation === undefined ||
    evicted === undefined
  ) {
    throw new ForeignState(
      `A stream in Redis was written by another version of Tidemark (expected format ${FORMAT}): ${text.slice(0, 200)}`,
    );
  }
  return {
    sequenceId: Number(sequenceId),
    at: Number(at),
    eventId,
    epoch,
    incarnation,
    losses: Number(losses),
    evicted: evicted === '1',
  };
}

/** Parses `<epoch> <sequence> <paths>`. @throws {Error} if announce.lua did not write the text */
export function parseLoss(text: string): KeptLoss {
  const [, epoch, sequence, list = ''] = /^(\S+) (\d+) (\[.*\])$/s.exec(text) ?? [];
  const paths: unknown = epoch === undefined ? undefined : JSON.parse(list);
  if (epoch === undefined || !Array.isArray(paths) || !paths.every((path) => typeof path === 'string'))
    throw new Error(`a report of a source loss in Redis is not in the expected form: ${text.slice(0, 200)}`);
  return { epoch, sequenceId: Number(sequence), paths };
}

/** Parses the parts of a line before its content. @throws {Error} if the text is not a line */
export function parseLine(text: string): Line {
  const a = text.indexOf(' ');
  const b = text.indexOf(' ', a + 1);
  const c = text.indexOf(' ', b + 1);
  const d = text.indexOf(' ', c + 1);
  const e = text.indexOf(' ', d + 1);
  const sequenceId = Number(text.slice(a + 1, b));
  if (a < 1 || b < 0 || c < 0 || d < 0 || e < 0 || !Number.isSafeInteger(sequenceId)) {
    throw new Error(`an event in Redis is not in the expected form: ${text.slice(0, 200)}`);
  }
  return {
    epoch: text.slice(0, a),
    sequenceId,
    at: Number(text.slice(b + 1, c)),
    eventId: text.slice(c + 1, d),
    event: text.slice(d + 1, e),
    content: text.slice(e + 1),
  };
}

export function recordOf(stream: string, line: Line): EventRecord {
  return recordFromContent(
    {
      stream,
      epoch: line.epoch,
      sequenceId: line.sequenceId,
      eventId: line.eventId,
      event: line.event,
      emittedAtMs: line.at,
    },
    line.content,
  );
}
