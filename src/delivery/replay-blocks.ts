/**
 * Lets clients with equal subscriptions share the frames of replayed events. After a restart of the gateway or a network failure, many
 * clients resume equal subscriptions from equal or slightly different positions. History is divided into parts with fixed boundaries
 * (event-log.ts), and the frames of a part are built only once:
 *
 *     sequenceIds   1 … 170 │ 171 … 340 │ 341 … 510 │ 511 …
 *     client A          ●━━━┿━━━━━━━━━━━┿━━━━━━━━━━━┿━━━●
 *     client B              │     ●━━━━━┿━━━━━━━━━━━┿━━━●      after the first part, the same bytes are sent to both
 *
 * A replay usually begins inside a part, because a client can resume from any position. Few other clients can use such an incomplete part.
 * Therefore only the latest incomplete part is kept for each kind of subscription.
 */
import { RecencyMap } from '../replay/recency-map.ts';
import type { PendingEvents } from '../replay/pending-events.ts';
import type { EventRecord } from '../replay/record.ts';
import type { ReplayBlock } from '../session/session.ts';
import type { Framing } from '../wire/framing.ts';

/** Maximum size of a block, in bytes, unless it has only one event. A block is written as a whole (flush-scheduler.ts). */
const MAX_BLOCK_BYTES = 64 * 1024 - 1;
/**
 * Estimates of the memory of a family without its key, of a part without its blocks, and of a block without its frames, in bytes. Measured
 * in Node 24 with families of 1 to 20 parts: the counted memory was 0 to 40 % above the heap and the buffers.
 */
const FAMILY_BYTES = 400;
const PART_BYTES = 128;
const BLOCK_BYTES = 512;
/** Maximum memory of all blocks of a node, in bytes. */
export const REPLAY_BLOCKS_BYTES = 16 * 1024 * 1024;

export interface ReplayRun {
  /** Identifies the frames: the key is equal for subscriptions that receive equal frames of the same stream and epoch. */
  readonly key: string;
  readonly prefix: string;
  readonly framing: Framing;
  /** The events of history to choose from. They are taken from here. */
  readonly pending: PendingEvents;
  /** Lowest sequenceId in history. */
  readonly floor: number;
  readonly matches: (record: EventRecord) => boolean;
}

/** The frames of one part of history. */
interface FramedPart {
  /** Number of events of the part, including those that do not match. */
  readonly events: number;
  /** Usually one. Several, if the frames are larger than one write. */
  readonly blocks: readonly ReplayBlock[];
  readonly bytes: number;
}

/** The frames for equal subscriptions. */
interface Family {
  /** The frames by the sequenceId of the first event of each part. */
  readonly parts: Map<number, FramedPart>;
  /** The first sequenceId of the part that was built most recently for the beginning of a replay. */
  front: number | undefined;
  bytes: number;
}

type Place = 'front' | 'later';

export class ReplayBlocks {
  readonly #maxBytes: number;
  /** The frames by the key of their runs. The least recently used key is the oldest. */
  readonly #families = new RecencyMap<string, Family>();
  #bytes = 0;
  /** Number of blocks whose frames have been built so far. */
  built = 0;

  /** @param maxBytes maximum memory of all blocks, in bytes; if it is exceeded, blocks of the least recently used key are dropped */
  constructor(maxBytes = REPLAY_BLOCKS_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Memory of the frames that are currently kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Yields the matching events of a run, in blocks. Yields `undefined` where the caller may pause. */
  *choose(run: ReplayRun): Generator<ReplayBlock | undefined, void, void> {
    this.#dropFormer(run);
    let place: Place = 'front';
    for (let part = run.pending.take(); part !== undefined; part = run.pending.take()) {
      const blocks = this.#known(run.key, part);
      if (blocks === undefined) yield* this.#build(run, part, place);
      else for (const block of blocks) yield block;
      place = 'later';
    }
  }

  /** The blocks of a part, if they have been built. Events have no holes, so the first event and the number of events identify a part. */
  #known(key: string, part: readonly EventRecord[]): readonly ReplayBlock[] | undefined {
    const known = this.#families.get(key)?.parts.get(firstOf(part));
    return known?.events === part.length ? known.blocks : undefined;
  }

  *#build(run: ReplayRun, part: readonly EventRecord[], place: Place): Generator<ReplayBlock | undefined, void, void> {
    const { prefix, framing, matches } = run;
    const blocks: ReplayBlock[] = [];
    let [chosen, bytes]: [EventRecord[], number] = [[], 0];
    for (const record of part) {
      yield undefined;
      if (!matches(record)) continue;
      const size = framing.eventBytes(prefix, record, 'resume');
      if (bytes > 0 && bytes + size > MAX_BLOCK_BYTES) {
        blocks.push(...this.#frame(run, chosen));
        [chosen, bytes] = [[], 0];
      }
      chosen.push(record);
      bytes += size;
    }
    blocks.push(...this.#frame(run, chosen));
    this.#keep(run.key, part, { blocks, place });
    for (const block of blocks) yield block;
  }

  /** @returns the block of these events; no block if there are no events */
  #frame({ prefix, framing }: ReplayRun, events: readonly EventRecord[]): readonly ReplayBlock[] {
    const [first, last] = [events[0], events.at(-1)];
    if (first === undefined || last === undefined) return [];
    this.built += 1;
    const { stream, epoch } = last;
    return [
      {
        kind: 'block',
        frames: framing.events(prefix, events, 'resume'),
        events: events.length,
        after: { stream, epoch, sequenceId: first.sequenceId - 1 },
        last: { stream, epoch, sequenceId: last.sequenceId },
      },
    ];
  }

  /** Drops the parts of this key whose first event is no longer in history. */
  #dropFormer({ key, floor }: ReplayRun): void {
    const family = this.#families.use(key);
    if (family === undefined) return;
    for (const first of family.parts.keys()) if (first < floor) this.#drop(family, first);
  }

  #keep(
    key: string,
    part: readonly EventRecord[],
    { blocks, place }: { readonly blocks: readonly ReplayBlock[]; readonly place: Place },
  ): void {
    const first = firstOf(part);
    const bytes = blocks.reduce((sum, { frames }) => sum + BLOCK_BYTES + frames.length, PART_BYTES);
    const family = this.#families.use(key) ?? this.#create(key);
    // Another client may have built the part in the meantime, or the part had fewer events before.
    this.#drop(family, first);
    if (place === 'front') {
      if (family.front !== undefined) this.#drop(family, family.front);
      family.front = first;
    }
    family.parts.set(first, { events: part.length, blocks, bytes });
    this.#count(family, bytes);
    this.#evict();
  }

  #create(key: string): Family {
    const family: Family = { parts: new Map(), front: undefined, bytes: 0 };
    this.#families.set(key, family);
    this.#count(family, FAMILY_BYTES + key.length * 2);
    return family;
  }

  #drop(family: Family, first: number): void {
    this.#count(family, -(family.parts.get(first)?.bytes ?? 0));
    family.parts.delete(first);
  }

  /** Drops the oldest parts of the least recently used keys. Replays from many positions include the newest parts, so these are kept. */
  #evict(): void {
    while (this.#bytes > this.#maxBytes) {
      const { oldest } = this.#families;
      if (oldest === undefined) return;
      const [key, family] = oldest;
      this.#drop(family, Math.min(...family.parts.keys()));
      if (family.parts.size > 0) continue;
      this.#families.delete(key);
      this.#bytes -= family.bytes;
    }
  }

  #count(family: Family, bytes: number): void {
    family.bytes += bytes;
    this.#bytes += bytes;
  }
}

function firstOf(part: readonly EventRecord[]): number {
  return part[0]?.sequenceId ?? 0;
}
