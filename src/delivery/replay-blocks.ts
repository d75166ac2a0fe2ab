/**
 * Lets clients with equal subscriptions share the frames of replayed events. After a restart of the gateway or a network failure, many
 * clients resume equal subscriptions from slightly different positions. So that they can share frames, history is divided into blocks with
 * fixed boundaries. The frames of a block are built only once:
 *
 *     sequenceIds   1 … 128 │ 129 … 256 │ 257 … 384 │ 385 …
 *     client A          ●━━━┿━━━━━━━━━━━┿━━━━━━━━━━━┿━━━●      parts of the first and the last block: event by event
 *     client B              │     ●━━━━━┿━━━━━━━━━━━┿━━━●      the third block: the same bytes are sent to both
 */
import type { EventRecord } from '../broker/broker.ts';
import type { ReplayBlock } from '../session/session.ts';
import type { Framing } from '../wire/framing.ts';

/** Number of events per block. If each event has 300 bytes, a block is one write of about 40 KiB. */
export const BLOCK_EVENTS = 128;
/** Maximum size of a block, in bytes. A block is written as a whole, so it must not be larger than other writes (flush-scheduler.ts). */
const MAX_BLOCK_BYTES = 64 * 1024;
/** Maximum memory of all blocks of a node, in bytes. */
export const REPLAY_BLOCKS_BYTES = 16 * 1024 * 1024;

export interface ReplayRun {
  /** Identifies the frames: the key is equal for subscriptions that receive equal frames of the same stream and epoch. */
  readonly key: string;
  readonly prefix: string;
  readonly framing: Framing;
  /** The events of history to choose from, in ascending order and without a hole. */
  readonly records: readonly EventRecord[];
  /** Lowest sequenceId in history. */
  readonly floor: number;
  readonly matches: (record: EventRecord) => boolean;
}

/** The blocks for equal subscriptions, by the sequenceId of the first event of each block. */
interface Family {
  readonly blocks: Map<number, ReplayBlock>;
  bytes: number;
}

type Item = EventRecord | ReplayBlock | undefined;

export class ReplayBlocks {
  readonly #maxBytes: number;
  /** The blocks by the key of their runs. The least recently used key is first. */
  readonly #families = new Map<string, Family>();
  #bytes = 0;
  /** Number of blocks whose frames have been built so far. */
  built = 0;

  /** @param maxBytes maximum memory of all blocks, in bytes; if it is exceeded, the blocks of the least recently used keys are dropped */
  constructor(maxBytes = REPLAY_BLOCKS_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Memory of the frames that are currently kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Yields the matching events of a run, in whole blocks where possible. Yields `undefined` where the caller may pause. */
  *choose(run: ReplayRun): Generator<Item, void, void> {
    const { records, matches } = run;
    this.#dropFormer(run);
    for (let at = 0; at < records.length;) {
      const first = records[at];
      if (first !== undefined && first.sequenceId % BLOCK_EVENTS === 1 && at + BLOCK_EVENTS <= records.length) {
        const block = this.#use(run.key)?.blocks.get(first.sequenceId);
        if (block === undefined) yield* this.#build(run, records.slice(at, at + BLOCK_EVENTS));
        else yield block;
        at += BLOCK_EVENTS;
      } else {
        yield first !== undefined && matches(first) ? first : undefined;
        at += 1;
      }
    }
  }

  *#build({ key, prefix, framing, matches }: ReplayRun, records: readonly EventRecord[]): Generator<Item, void, void> {
    const chosen: EventRecord[] = [];
    let bytes = 0;
    for (const record of records) {
      yield undefined;
      if (!matches(record)) continue;
      chosen.push(record);
      bytes += framing.eventBytes(prefix, record, 'resume');
    }
    const [first] = records;
    const last = chosen.at(-1);
    if (first === undefined || last === undefined || bytes > MAX_BLOCK_BYTES) {
      yield* chosen;
      return;
    }
    const { stream, epoch, sequenceId } = last;
    this.built += 1;
    const frames = framing.events(prefix, chosen, 'resume');
    const block = { kind: 'block', frames, events: chosen.length, last: { stream, epoch, sequenceId } } as const;
    this.#keep(key, first.sequenceId, block);
    yield block;
  }

  /** Drops the blocks of this run's key of which events are no longer in history. */
  #dropFormer({ key, floor }: ReplayRun): void {
    const family = this.#use(key);
    if (family === undefined) return;
    for (const [first, { frames }] of family.blocks)
      if (first < floor) {
        family.blocks.delete(first);
        this.#count(family, -frames.length);
      }
  }

  /** Returns the blocks of a key, and marks the key as the most recently used. */
  #use(key: string): Family | undefined {
    const family = this.#families.get(key);
    if (family === undefined) return undefined;
    this.#families.delete(key);
    this.#families.set(key, family);
    return family;
  }

  #keep(key: string, first: number, block: ReplayBlock): void {
    let family = this.#use(key);
    if (family === undefined) {
      family = { blocks: new Map(), bytes: 0 };
      this.#families.set(key, family);
      this.#count(family, key.length * 2);
    }
    // Another client may have built the same block in the meantime.
    if (family.blocks.has(first)) return;
    family.blocks.set(first, block);
    this.#count(family, block.frames.length);
    for (const [oldestKey, oldest] of this.#families) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#families.delete(oldestKey);
      this.#bytes -= oldest.bytes;
    }
  }

  #count(family: Family, bytes: number): void {
    family.bytes += bytes;
    this.#bytes += bytes;
  }
}
