/** The most memory that clients can use on one node: the sum that an operator compares with the memory of the machine. */
import { env, execArgv } from 'node:process';
import type { LimitName } from '../../generated/protocol.ts';
import { REPLAY_BLOCKS_BYTES } from '../delivery/replay-blocks.ts';
import type { Limits } from '../options.ts';

export interface MemoryCost {
  readonly what: string;
  readonly bytes: number;
  /** The limits that bound it. */
  readonly limits: readonly LimitName[];
  /** The option of Node that bounds it. */
  readonly nodeOption?: string;
}

/**
 * Memory of a gateway without clients, in bytes: `serve` has 129 MiB resident on Node 24.
 */
const PROCESS_BYTES = 128 * 1024 * 1024;
const SEMI_SPACE_OPTION = '--max-semi-space-size';
/**
 * V8 keeps recently created objects in a young generation of three semi-spaces. They grow to their maximum under load and are not given back.
 * The default is that of Node 24 on a machine with 16 GiB or more: a process whose live objects needed 55 MiB had a heap of 187 MiB,
 * and of 99 MiB with a maximum of 16.
 */
const DEFAULT_SEMI_SPACE_MIB = 64;
const SEMI_SPACES = 3;
/** Memory of one idle connection with three subscriptions: 30 KiB measured with 2,000 connections. */
const CONNECTION_BYTES = 32 * 1024;
/** Memory of one idempotency key: 371 bytes of heap measured (key of 128 characters, stream `main`, 100,000 keys); longer stream names need more. */
const IDEMPOTENCY_KEY_BYTES = 512;
/** V8 stores text outside ASCII with two bytes for each character. */
const BYTES_PER_CHARACTER = 2;
/** Received messages of one connection: one that is arriving, and up to the size of one that wait for the previous command. */
const MESSAGES_PER_CONNECTION = 2;

/** The options with which this process was started, in the order in which Node reads them. */
function nodeOptions(): string {
  return [env['NODE_OPTIONS'] ?? '', ...execArgv].join(' ');
}

/** The last of repeated options applies, as in Node. */
function semiSpaceMiB(options: string): number {
  const given = [...options.matchAll(/--max[-_]semi[-_]space[-_]size=(\d+)/g)].at(-1)?.[1];
  return given === undefined ? DEFAULT_SEMI_SPACE_MIB : Number(given);
}

/**
 * The costs, largest first.
 * @param options the options of Node, separated by spaces; those of this process by default
 */
export function memoryCosts(limits: Limits, options: string = nodeOptions()): readonly MemoryCost[] {
  const connections = limits.connectionsPerNode;
  const costs: readonly MemoryCost[] = [
    { what: 'the process itself', bytes: PROCESS_BYTES, limits: [] },
    {
      what: 'young objects of V8',
      bytes: semiSpaceMiB(options) * SEMI_SPACES * 1024 * 1024,
      limits: [],
      nodeOption: SEMI_SPACE_OPTION,
    },
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
