/** `tidemark broadcast`: publishes one event through `POST /ws/broadcast` (BRD-1). */
import type { Command } from 'commander';
import type { BroadcastData, BroadcastedData } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { eventBody, eventOptions, exampleNames } from './event-body.ts';
import type { EventOptions } from './event-body.ts';
import { showHints } from './hints.ts';
import { call, remoteOptions } from './remote.ts';
import { print, printJson } from './terminal.ts';

interface BroadcastOptions extends EventOptions {
  readonly idempotencyKey?: string;
  readonly json?: true;
}

export function registerBroadcast(program: Command): void {
  eventOptions(remoteOptions(program.command('broadcast')))
    .description('publish one event')
    .option('--idempotency-key <key>', 'publish nothing if an event with the same key was published before')
    .option('--json', 'print the response of /ws/broadcast as JSON')
    .action(broadcast);
}

async function broadcast(options: BroadcastOptions): Promise<void> {
  if (options.example === 'list') return print(await exampleNames(options));
  const { idempotencyKey } = options;
  const body: BroadcastData = {
    ...(await eventBody(options)),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
  const answer = (await call(options, {
    method: 'POST',
    below: '/broadcast',
    body,
    fits: httpValidators.broadcast_result,
  })) as BroadcastedData;
  showHints(answer.hints);
  if (options.json) return printJson(answer);
  const { stream, epoch, sequenceId, duplicate } = answer;
  await print(
    `${body.event} is event ${sequenceId} of ${stream}, epoch ${epoch}${duplicate ? ' (published before)' : ''}`,
  );
}
