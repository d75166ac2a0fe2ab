/**
 * Encodes an event once for all connections (EVT-1). `body` is the end of every event message:
 *
 *   "stream":…,"epoch":…,"sequenceId":…,"eventId":…,"event":…,"emittedAt":…,"source":{…},"payload":{…}
 *
 * The members that differ between connections come before `body` in the frame. Therefore each node builds `body` only once per event, and
 * copies it for each connection, whether the event is live or replayed.
 */
import type { EventDraft, EventRecord } from './broker.ts';

/** An event and its position, before it is encoded. `emittedAt` is in milliseconds since 1970. */
export interface RecordFields {
  readonly stream: string;
  readonly epoch: string;
  readonly sequenceId: number;
  readonly eventId: string;
  readonly event: string;
  readonly emittedAtMs: number;
}

type DraftContent = Pick<EventDraft, 'source' | 'payload' | 'payloadJson'>;

/** Encodes the last two members of the body, `source` and `payload`. A publisher can encode them before the event has a position. */
export function encodeContent(content: DraftContent): string {
  const { name, principal } = content.source;
  const payload = content.payloadJson ?? JSON.stringify(content.payload);
  return `"source":{"name":${JSON.stringify(name)},"principal":${JSON.stringify(principal)}},"payload":${payload}`;
}

/** Encodes the body: the position and the other members, followed by the encoded content. */
function encodeBody(fields: RecordFields, content: string): string {
  return (
    `"stream":${JSON.stringify(fields.stream)},"epoch":${JSON.stringify(fields.epoch)},` +
    `"sequenceId":${fields.sequenceId},"eventId":${JSON.stringify(fields.eventId)},` +
    `"event":${JSON.stringify(fields.event)},"emittedAt":"${toTimestamp(fields.emittedAtMs)}",${content}`
  );
}

/** Creates a record from a draft that this process published. The record uses the payload of the draft, so that no JSON is parsed. */
export function recordFromDraft(fields: RecordFields, draft: DraftContent): EventRecord {
  return build(fields, { source: draft.source, payload: draft.payload, content: encodeContent(draft) });
}

/**
 * Creates a record from the content that was received through a broker.
 * @param content text that {@link encodeContent} created
 * @throws {SyntaxError} if the content was not created by `encodeContent`
 */
export function recordFromContent(fields: RecordFields, content: string): EventRecord {
  const { source, payload } = JSON.parse(`{${content}}`) as Pick<EventDraft, 'source' | 'payload'>;
  return build(fields, { source, payload, content });
}

interface Content extends Pick<EventDraft, 'source' | 'payload'> {
  readonly content: string;
}

function build(fields: RecordFields, { source, payload, content }: Content): EventRecord {
  const body = encodeBody(fields, content);
  const bytes = Buffer.byteLength(body);
  return {
    stream: fields.stream,
    epoch: fields.epoch,
    sequenceId: fields.sequenceId,
    eventId: fields.eventId,
    event: fields.event,
    emittedAt: toTimestamp(fields.emittedAtMs),
    source,
    payload,
    body,
    bytes,
    weight: weightOf(body, bytes),
  };
}

/**
 * Memory of a record without its body, in bytes: the record object, its strings, and its entries in history and among the retained events.
 * Estimated as 450 to 650 bytes, not measured.
 */
const RECORD_BYTES = 640;
/** Estimated memory in bytes: of a decoded object or array, and of each decoded member in addition to its text. */
const [CONTAINER_BYTES, MEMBER_BYTES] = [56, 16];

/** The estimated memory of an event, in bytes. Its text is in memory twice: in the body, and in the strings of the decoded payload. */
function weightOf(body: string, bytes: number): number {
  let [containers, members] = [0, 0];
  for (let at = 0; at < body.length; at += 1) {
    const code = body.charCodeAt(at);
    if (code === 0x7b || code === 0x5b) containers += 1;
    else if (code === 0x2c) members += 1;
  }
  const characterBytes = bytes === body.length ? 1 : 2;
  return RECORD_BYTES + 2 * characterBytes * body.length + containers * CONTAINER_BYTES + members * MEMBER_BYTES;
}

let lastMs = Number.NaN;
let lastText = '';

/**
 * Formats a time as RFC 3339 in UTC with milliseconds (ENV-5). The last result is cached, because the events of a burst often have the same
 * millisecond.
 */
function toTimestamp(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = new Date(ms).toISOString();
  }
  return lastText;
}
