/** The most memory that clients can use on one node: the sum that an operator compares with the memory of the machine. */
import type { LimitName } from '../../generated/protocol.ts';
import { REPLAY_BLOCKS_BYTES } from '../delivery/replay-blocks.ts';
import type { Limits } from '../options.ts';

export interface MemoryCost {
  readonly what: string;
  readonly bytes: number;
  /** The limits that bound it. */
  readonly limits: readonly LimitName[];
}

/**
 * Memory of a gateway without clients, in bytes: `serve` has 129 MiB resident on Node 24.
 */
const PROCESS_BYTES = 128 * 1024 * 1024;
/** Memory of one idle connection with three subscriptions: 30 KiB measured with 2,000 connections. */
const CONNECTION_BYTES = 32 * 1024;
/** Memory of one idempotency key: 371 bytes of heap measured (key of 128 characters, stream `main`, 100,000 keys); longer stream names need more. */
const IDEMPOTENCY_KEY_BYTES = 512;
/** V8 stores text outside ASCII with two bytes for each character. */
const BYTES_PER_CHARACTER = 2;
/** Received messages of one connection: one that is arriving, and up to the size of one that wait for the previous command. */
const MESSAGES_PER_CONNECTION = 2;

/** The costs, largest first. */
export function memoryCosts(limits: Limits): readonly MemoryCost[] {
  const connections = limits.connectionsPerNode;
  const costs: readonly MemoryCost[] = [
    { what: 'the process itself', bytes: PROCESS_BYTES, limits: [] },
    { what: 'connections', bytes: connections * CONNECTION_BYTES, limits: ['connectionsPerNode'] },
    {
      what: 'messages that arrive or wait',
      bytes: connections * limits.inboundMessageBytes * MESSAGES_PER_CONNECTION * BYTES_PER_CHARACTER,
      limits: ['connectionsPerNode', 'inboundMessageBytes'],
    },
    { what: 'send queues', bytes: limits.sendQueueBudgetBytes, limits: ['sendQueueBudgetBytes'] },
    { what: 'history and newest events per key', bytes: limits.historyBudgetBytes, limits: ['historyBudgetBytes'] },
    { what: 'frames of replays that clients share', bytes: REPLAY_BLOCKS_BYTES, limits: [] },
    { what: 'subscriptions', bytes: limits.filterBytes, limits: ['filterBytes'] },
    {
      what: 'idempotency keys',
      bytes: limits.idempotencyKeys * IDEMPOTENCY_KEY_BYTES,
      limits: ['idempotencyKeys'],
    },
  ];
  return costs.toSorted((left, right) => right.bytes - left.bytes);
}
