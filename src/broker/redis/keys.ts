/**
 * The keys of one stream in Redis. The braces are a hash tag: all keys of a stream are in the same slot. Therefore, one script may use all
 * of them in a cluster, and the channel of the stream is on the same shard (sharded pub/sub).
 *
 *   tidemark:{main}:meta      string  state, as one text: f2 <sequence> <at> <eventId> <epoch> <incarnation> <losses> <evicted>
 *                                       f2           format of the stream's keys (FORMAT)
 *                                       sequence     number of the newest event; 0 before the first event
 *                                       at           its emittedAt in ms since 1970; that of the next event is never lower
 *                                       eventId      its id; `-` before the first event
 *                                       epoch        one continuous run of the stream (STR-3)
 *                                       incarnation  run id and replication id of the server that may extend the stream
 *                                       losses       number of source losses announced so far
 *                                       evicted      1 if a key was dropped because of the limit on retained keys
 *   tidemark:{main}:log       stream  <at>-<sequence> → e: <line>
 *   tidemark:{main}:latest    hash    <event> <key> → <line>: the newest event of this name with this key (RPL-3)
 *                                     names → the names of all events that any node retains per key; nodes may have different contracts
 *   tidemark:{main}:order     zset    <key> by sequence: determines which key is dropped first. A key is `entity <id>`,
 *                                     `relationship <id>` or, for `latest`, `name <event>`
 *   tidemark:{main}:losses    stream  <losses>-0 → l: <epoch> <sequence> <paths>: a source loss, with the head at that moment and
 *                                     a JSON list of directories (GAP-2)
 *   tidemark:{main}:witness   hash    <node> → its testimony, # → how many were given; only while an epoch is in question
 *   tidemark:{main}:once:<h>  string  <epoch> <sequence> <eventId> <at> of the first publish under an idempotency key
 *   tidemark:streams          zset    <stream with events> by its place, # by the newest place; ! once every stream that existed before is in the
 *                                     index, by the negative time of this moment, which identifies the index. A place is the time in ms since 1970, raised to be unique, so that it grows even if the
 *                                     index was lost. The place of a stream that had events when it was entered is lower by 0.5, and that of
 *                                     a stream that has lost its events by 0.25: their earlier events must not count as new
 *   tidemark:{tidemark:streams}:departed
 *                             zset    <place> <stream> by its place: the streams that have left the index; # by the newest place that
 *                                     was dropped from this list
 *   tidemark:format           string  FORMAT: a node of another format does not start
 *   tidemark:registry         hash    <node> → <count> <member> <known nodes>: the nodes and their leases (fence/membership.ts)
 *
 * Channels are shared by all databases of a server, so they carry the number of the database:
 *
 *   tidemark:0:{main}:live    events: @<incarnation>, then lines; `!` (epoch changed) or `?<losses> <epoch> <sequence> <paths>`
 *   tidemark:0:nodes          heartbeats of the nodes, what they ask each other (nodes.ts), `stream <name> <place>` for a new stream,
 *                             and `found <epoch> <sequence> <name> <place>` for one that had, or has lost, events up to a position
 *                             when it was entered into the index
 *   tidemark:0:nodes:<nodeId> answers to a node
 *
 * A line is one event: <epoch> <sequence> <at> <eventId> <event> "source":{…},"payload":{…}
 * The first five parts contain no space, and JSON contains no line break. Therefore several lines can be joined by `\n` in one message.
 */
import { createHash } from 'node:crypto';
import type { RedisAddress } from './url.ts';

export interface StreamKeys {
  readonly meta: string;
  readonly log: string;
  readonly latest: string;
  readonly order: string;
  readonly losses: string;
  readonly witness: string;
  readonly channel: string;
}

/** The format of all keys. It must be increased with each change that an older node cannot read. */
export const FORMAT = '2';

export class RedisKeys {
  readonly #prefix: string;
  readonly #channels: string;

  constructor(address: Pick<RedisAddress, 'prefix' | 'db'>) {
    this.#prefix = address.prefix;
    this.#channels = `${address.prefix}:${address.db}`;
  }

  get format(): string {
    return `${this.#prefix}:format`;
  }

  get registry(): string {
    return `${this.#prefix}:registry`;
  }

  /** The index of all streams. */
  get streams(): string {
    return `${this.#prefix}:streams`;
  }

  /** The streams that have left the index. In a cluster, it is in the slot of the index, because one script changes both. */
  get departed(): string {
    return `${this.#prefix}:{${this.streams}}:departed`;
  }

  /** The channel of all nodes. */
  get nodes(): string {
    return `${this.#channels}:nodes`;
  }

  /** The channel of one node. */
  node(nodeId: string): string {
    return `${this.#channels}:nodes:${nodeId}`;
  }

  of(stream: string): StreamKeys {
    const base = `${this.#prefix}:{${stream}}`;
    return {
      meta: `${base}:meta`,
      log: `${base}:log`,
      latest: `${base}:latest`,
      order: `${base}:order`,
      losses: `${base}:losses`,
      witness: `${base}:witness`,
      channel: `${this.#channels}:{${stream}}:live`,
    };
  }

  /** A digest is used, because the idempotency key and the principal can have any length and content. */
  once(stream: string, principal: string, idempotencyKey: string): string {
    const digest = createHash('sha256')
      .update(JSON.stringify([principal, idempotencyKey]))
      .digest('base64url');
    return `${this.#prefix}:{${stream}}:once:${digest}`;
  }

  /** Matches the `meta` of every stream; may match other keys. */
  get allMeta(): string {
    return this.of('*').meta;
  }

  /** The stream of a key that {@link allMeta} matches. */
  streamOfMeta(key: string): string {
    return key.slice(`${this.#prefix}:{`.length, -'}:meta'.length);
  }

  /** The stream of a channel, or undefined for any other channel. */
  streamOf(channel: string): string | undefined {
    const start = `${this.#channels}:{`;
    return channel.startsWith(start) && channel.endsWith('}:live')
      ? channel.slice(start.length, -'}:live'.length)
      : undefined;
  }
}
