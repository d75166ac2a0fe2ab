/**
 * The keys and channels in Redis, here for the stream `main`. The braces are a hash tag: all keys of a stream are in the same slot of a
 * cluster. Therefore, one script may use all of them, and the channel of the stream is on the same shard (sharded pub/sub).
 *
 *   tidemark:{main}:meta      string  the state of the stream as one text:
 *                                     f2 <sequence> <at> <eventId> <epoch> <incarnation> <losses> <evicted>
 *                                       f2           format of the stream's keys (FORMAT)
 *                                       sequence     number of the newest event; 0 before the first event
 *                                       at           `emittedAt` of the newest event, in ms since 1970. The `emittedAt` of the next event
 *                                                    is never lower
 *                                       eventId      id of the newest event; `-` before the first event
 *                                       epoch        one continuous run of the stream (STR-3)
 *                                       incarnation  run id and replication id of the server that may extend the stream
 *                                       losses       number of source losses announced so far
 *                                       evicted      1 if retained events were dropped because of their limit, or may have expired
 *   tidemark:{main}:log       stream  <at>-<sequence> → e: <line>
 *   tidemark:{main}:latest    hash    <event> <key> → <line>: the newest event of this name with this retained key (RPL-3)
 *                                     names → the names of the events that are retained per key: those of all nodes together, because
 *                                     nodes may have different contracts
 *   tidemark:{main}:order     zset    <key>, sorted by sequence: determines which retained key is dropped first. A retained key is
 *                                     `<key space> <id>`, such as `entity 7` (retain.ts), or `name <event>` for the policy `latest`
 *   tidemark:{main}:losses    stream  <losses>-0 → l: <epoch> <sequence> <paths>: a source loss, with the head at that moment and
 *                                     a JSON list of directories (GAP-2). Expires with `meta`
 *   tidemark:{main}:witness   hash    <node> → its testimony; # → the number of testimonies so far. Exists only while the nodes
 *                                     decide whether the epoch continues
 *   tidemark:{main}:once:<h>  string  <epoch> <sequence> <eventId> <at> of the first publish with an idempotency key
 *   tidemark:streams          zset    the index: <stream>, sorted by its place, for each stream that has events or soon will have
 *                                     its first event. Two other members:
 *                                       #            has the newest place as its score
 *                                       !            exists once the index contains every stream that existed before. Its score, a
 *                                                    random negative number, identifies the index
 *                                     A place is the time of entry in ms since 1970, increased if necessary so that it is unique.
 *                                     Because a place is a time, places grow even if the index was lost. The fraction of a place
 *                                     shows a node which events of the stream are not new:
 *                                       .00          the stream had no events when it was entered
 *                                       .50          it already had events, which are not new
 *                                       .75          Redis had lost its earlier events
 *   tidemark:{tidemark:streams}:departed
 *                             zset    <place> <stream>, sorted by place: the streams that have left the index. The score of # is the
 *                                     newest place that was dropped from this list
 *   tidemark:format           string  FORMAT: a node that uses another format does not start
 *   tidemark:registry         hash    <node> → <count> <member> <known nodes>: the nodes and their leases (fence/membership.ts)
 *
 * All databases of a server share its channels, so the names of channels contain the number of the database:
 *
 *   tidemark:0:{main}:live    one of three kinds of messages:
 *                               @<incarnation>, then a line for each event
 *                               !                                         the epoch has changed
 *                               ?<losses> <epoch> <sequence> <paths>      a source loss
 *   tidemark:0:nodes          for all nodes:
 *                               beat, bye, ask                            heartbeats, departures and questions (nodes.ts)
 *                               joins, left                               changes of the registry (fence/registry.ts)
 *                               fence <stream>                            a request for testimonies (fence/epoch-fence.ts)
 *                               stream <name> <place> <epoch>             a new stream was entered into the index
 *                               found <epoch> <sequence> <name> <place>   an older stream was entered into the index: its events up to
 *                                                                         this position are not new, or were lost
 *   tidemark:0:nodes:<nodeId> answers to the questions of one node
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

/** The version of the format of all keys. It must be increased with each change that an older node cannot read. */
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

  /** The list of streams that have left the index. In a cluster, this key is in the slot of the index, because one script changes both. */
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

  /** The key contains a digest, because the idempotency key and the name of the principal can have any length and content. */
  once(stream: string, principal: string, idempotencyKey: string): string {
    const digest = createHash('sha256')
      .update(JSON.stringify([principal, idempotencyKey]))
      .digest('base64url');
    return `${this.#prefix}:{${stream}}:once:${digest}`;
  }

  /** A pattern that matches the `meta` key of every stream, and may match other keys. */
  get allMeta(): string {
    return this.of('*').meta;
  }

  /** The name of the stream to which a key that matches {@link allMeta} belongs. */
  streamOfMeta(key: string): string {
    return key.slice(`${this.#prefix}:{`.length, -'}:meta'.length);
  }

  /** The stream to which a channel belongs. Undefined if it is not the channel of a stream. */
  streamOf(channel: string): string | undefined {
    const start = `${this.#channels}:{`;
    return channel.startsWith(start) && channel.endsWith('}:live')
      ? channel.slice(start.length, -'}:live'.length)
      : undefined;
  }
}
