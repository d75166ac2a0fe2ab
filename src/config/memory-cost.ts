/** Lists the parts of the memory that one node needs at most. An operator compares their sum with the memory of the machine. */
import { env, execArgv } from 'node:process';
import type { LimitName } from '../../generated/protocol.ts';
import { REPLAY_BLOCKS_BYTES } from '../delivery/replay-blocks.ts';
import type { Limits } from '../options.ts';
import { MOST_EXCESS } from '../replay/pending-events.ts';

export interface MemoryCost {
  readonly what: string;
  readonly bytes: number;
  /** The limits that determine this cost. */
  readonly limits: readonly LimitName[];
  /** The option of Node that determines this cost. */
  readonly nodeOption?: string;
}

/** Memory of a gateway without clients, in bytes. Measured: `serve` has 129 MiB resident on Node 24. */
const PROCESS_BYTES = 128 * 1024 * 1024;
const SEMI_SPACE_OPTION = '--max-semi-space-size';
/**
 * The default maximum of one semi-space, in MiB, for Node 24 on a machine with 16 GiB or more. V8 keeps new objects in three semi-spaces.
 * Under load, each semi-space grows to its maximum, and V8 does not give the memory back. Measured with 55 MiB of live objects: the heap
 * was 187 MiB with the default, and 99 MiB with a maximum of 16.
 */
const DEFAULT_SEMI_SPACE_MIB = 64;
const SEMI_SPACES = 3;
/**
 * Memory of one idle connection with three subscriptions, without V8's young generation. Measured: 10 to 29 KiB resident with 2,000
 * connections, less with more connections; 7 KiB of it are live objects (`node bench/connections.ts --connections 2000`).
 */
const CONNECTION_BYTES = 32 * 1024;
/**
 * Memory of one idempotency key. Measured: 371 bytes of heap (keys of 128 characters, stream `main`, 100,000 keys). A longer stream name
 * needs more.
 */
const IDEMPOTENCY_KEY_BYTES = 512;
/** V8 stores each character in two bytes if the text has characters outside of Latin-1. */
const BYTES_PER_CHARACTER = 2;
/**
 * Memory for received messages of one connection, as a multiple of the largest message. It is enough for one message that is arriving, and
 * for queued messages of the same total size.
 */
const MESSAGES_PER_CONNECTION = 2;

/** The options of this process, in the order in which Node reads them. */
function nodeOptions(): string {
  return [env['NODE_OPTIONS'] ?? '', ...execArgv].join(' ');
}

/** The maximum size of a semi-space, in MiB. If the option is repeated, the last one applies, as in Node. */
function semiSpaceMiB(options: string): number {
  const given = [...options.matchAll(/--max[-_]semi[-_]space[-_]size=(\d+)/g)].at(-1)?.[1];
  return given === undefined ? DEFAULT_SEMI_SPACE_MIB : Number(given);
}

/**
 * The costs, in descending order.
 * @param options command-line options of Node, separated by spaces; by default those of this process
 */
export function memoryCosts(limits: Limits, options: string = nodeOptions()): readonly MemoryCost[] {
  const connections = limits.connectionsPerNode;
  const costs: readonly MemoryCost[] = [
    { what: 'process without clients', bytes: PROCESS_BYTES, limits: [] },
    {
      what: 'young generation of V8',
      bytes: semiSpaceMiB(options) * SEMI_SPACES * 1024 * 1024,
      limits: [],
      nodeOption: SEMI_SPACE_OPTION,
    },
    { what: 'connections', bytes: connections * CONNECTION_BYTES, limits: ['connectionsPerNode'] },
    {
      what: 'received messages',
      bytes: connections * limits.inboundMessageBytes * MESSAGES_PER_CONNECTION * BYTES_PER_CHARACTER,
      limits: ['connectionsPerNode', 'inboundMessageBytes'],
    },
    { what: 'send queues', bytes: limits.sendQueueBudgetBytes, limits: ['sendQueueBudgetBytes'] },
    { what: 'history and newest events per key', bytes: limits.historyBudgetBytes, limits: ['historyBudgetBytes'] },
    {
      what: 'dropped events that replays keep',
      bytes: limits.historyBudgetBytes * MOST_EXCESS,
      limits: ['historyBudgetBytes'],
    },
    { what: 'shared frames of replays', bytes: REPLAY_BLOCKS_BYTES, limits: [] },
    { what: 'subscriptions', bytes: limits.filterBytes, limits: ['filterBytes'] },
    {
      what: 'idempotency keys',
      bytes: limits.idempotencyKeys * IDEMPOTENCY_KEY_BYTES,
      limits: ['idempotencyKeys'],
    },
  ];
  return costs.toSorted((left, right) => right.bytes - left.bytes);
}
