/** An outbox with a simulated socket, whose peer reads only when the test lets it read. */
import { Writable } from 'node:stream';
import type { EventRecord } from '../../broker/broker.ts';
import { recordFromDraft } from '../../broker/event-encoding.ts';
import type { PendingEvents } from '../../replay/pending-events.ts';
import type { StreamPosition } from '../../replay/record.ts';
import type { LiveEvent, Replay } from '../../session/session.ts';
import { WEBSOCKET_FRAMING as framing } from '../../wire/websocket-framing.ts';
import { FlushScheduler } from '../flush-scheduler.ts';
import { Outbox } from '../outbox.ts';
import type { Bound, QueueOwner } from '../queue-account.ts';
import { SendQueueBudget } from '../send-queue-budget.ts';

export const LIMITS = { sendQueueBytes: 64 * 1024, sendQueueMessages: 100, sendQueueAgeMs: 1000 };

/** The owner of a queue. The test fails if the queue overflows or fails, unless `expected` has a function for that. */
export function ownerOf(expected: Partial<QueueOwner> = {}): QueueOwner {
  const fail = (cause: unknown): never => {
    throw new Error('unexpected', { cause });
  };
  return { queueOverflowed: fail, queueFailed: fail, chargeWork: () => undefined, ...expected };
}

/** A socket whose peer reads only when the test lets it read. */
export class Peer extends Writable {
  readonly writes: string[] = [];
  #held: (() => void) | undefined;
  reading = true;

  constructor() {
    super({ highWaterMark: 16 * 1024 });
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk.toString());
    if (this.reading) done();
    else this.#held = done;
  }

  /** Reads all writes that wait, and from now on every write at once. */
  resume(): void {
    this.reading = true;
    this.takeOne();
  }

  /** Reads the write that waits. */
  takeOne(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }
}

/** A replay of all these records. */
export function replayOf(
  records: readonly EventRecord[],
  prefix: string,
  pending: readonly PendingEvents[] = [],
): Replay {
  return { after: place(0), prefix, reason: 'resume', pending, items: records[Symbol.iterator]() };
}

export interface Rig {
  readonly outbox: Outbox;
  readonly peer: Peer;
  readonly overflows: Bound[];
  readonly faults: unknown[];
  readonly clock: { ms: number };
  /** Waits until all scheduled flushes have been run. */
  readonly turn: () => Promise<void>;
}

export function rig(limits: Partial<typeof LIMITS> = {}): Rig {
  const peer = new Peer();
  const overflows: Bound[] = [];
  const faults: unknown[] = [];
  const clock = { ms: 0 };
  const outbox = new Outbox({
    framing,
    socket: peer,
    limits: { ...LIMITS, ...limits },
    scheduler: new FlushScheduler({ ...LIMITS, ...limits, turnBudgetMs: 10 }),
    queues: new SendQueueBudget(Infinity, () => undefined),
    now: () => clock.ms,
    owner: ownerOf({
      queueFailed: (error) => faults.push(error),
      queueOverflowed: (bound) => {
        overflows.push(bound);
        outbox.end();
      },
    }),
  });
  return {
    outbox,
    peer,
    overflows,
    faults,
    clock,
    turn: () => new Promise((resolve) => setImmediate(() => setImmediate(resolve))),
  };
}

export const place = (sequenceId: number): StreamPosition => ({ stream: 'main', epoch: 'e', sequenceId });
export const event = (bytes: Buffer, sequenceId: number): LiveEvent => ({
  kind: 'event',
  frame: bytes,
  ...place(sequenceId),
  since: 0,
});
export const frame = (bytes: number): Buffer => Buffer.alloc(bytes, 'x');
export const record = (sequenceId: number, text = '') =>
  recordFromDraft(
    { stream: 'main', epoch: 'e', sequenceId, eventId: `${sequenceId}`, event: 'x', emittedAtMs: 0 },
    { source: { name: 'a', principal: 'b' }, payload: { text } },
  );

/** Stops the peer from reading and fills the socket, so that further messages wait in the queue. */
export async function stall({ outbox, peer, turn }: Rig): Promise<void> {
  peer.reading = false;
  outbox.push(frame(20_000));
  await turn();
  peer.writes.length = 0;
}
