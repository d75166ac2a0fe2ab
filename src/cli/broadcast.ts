/** `tidemark broadcast`: publishes one event through `POST /ws/broadcast` (BRD-1). */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { BroadcastData, BroadcastedData, OpenObject } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { LIMITS } from '../../generated/protocol.ts';
import { parseJson } from '../wire/json-guard.ts';
import { bundledExamples, gatewayExamples } from './contract-examples.ts';
import { CliError, EXIT } from './exit.ts';
import { showHints } from './hints.ts';
import { reasonOf } from './reason.ts';
import { call, remoteOptions } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { print, printJson } from './terminal.ts';

interface BroadcastOptions extends RemoteOptions {
  readonly event?: string;
  readonly payload?: string;
  readonly stream?: string;
  readonly source?: string;
  readonly idempotencyKey?: string;
  readonly example?: string;
  readonly json?: true;
}

export function registerBroadcast(program: Command): void {
  remoteOptions(program.command('broadcast'))
    .description('publish one event')
    .option('--event <name>', 'a declared event, or a name of your own such as build.finished')
    .option('--payload <json>', 'a JSON object; - reads it from stdin, @file from a file')
    .option(
      '--stream <name>',
      'main, workspace:<id> or session:<id> (default: main; for a session_event session:<sessionId>)',
    )
    .option('--source <label>', 'what the publisher calls itself')
    .option('--idempotency-key <key>', 'a repetition with the same key publishes nothing')
    .option('--example <name>', "publish an example of the gateway's contract; `list` names them")
    .option('--json', 'print the whole answer')
    .action(broadcast);
}

async function broadcast(options: BroadcastOptions): Promise<void> {
  if (options.example === 'list') {
    const examples = (await gatewayExamples(options.url)) ?? bundledExamples();
    await print([...examples.keys()].join('\n'));
    return;
  }
  const body = await bodyOf(options);
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

async function bodyOf(options: BroadcastOptions): Promise<BroadcastData> {
  const { stream, source, idempotencyKey } = options;
  return {
    ...(options.example === undefined ? eventOf(options) : await exampleOf(options.example, options)),
    ...(stream === undefined ? {} : { stream }),
    ...(source === undefined ? {} : { source }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

async function exampleOf(name: string, { event, payload, url }: BroadcastOptions): Promise<BroadcastData> {
  if (event !== undefined || payload !== undefined)
    throw new CliError('--example brings its own event and payload: leave out --event and --payload.', EXIT.usage);
  const bundled = bundledExamples();
  const examples = bundled.has(name) ? bundled : ((await gatewayExamples(url)) ?? bundled);
  const example = examples.get(name);
  if (example !== undefined) return example;
  throw new CliError(`There is no example ${name}. There are: ${[...examples.keys()].join(', ')}.`, EXIT.usage);
}

function eventOf({ event, payload }: BroadcastOptions): BroadcastData {
  if (event === undefined || payload === undefined)
    throw new CliError('Give --event and --payload, or --example.', EXIT.usage);
  return { event, payload: readPayload(payload) };
}

function readPayload(text: string): OpenObject {
  const json = payloadText(text);
  let value: unknown;
  try {
    // What the gateway would refuse is refused here, before a number is rounded or a double key is lost.
    value = parseJson(json, { maxDepth: LIMITS.jsonDepth.maximum });
  } catch (error) {
    throw new CliError(`--payload is not JSON: ${reasonOf(error)}`, EXIT.usage, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CliError('--payload must be a JSON object.', EXIT.usage);
  return value as OpenObject;
}

function payloadText(text: string): string {
  if (text !== '-' && !text.startsWith('@')) return text;
  try {
    return readFileSync(text === '-' ? 0 : text.slice(1), 'utf8');
  } catch (error) {
    throw new CliError(`--payload ${text} cannot be read: ${reasonOf(error)}`, EXIT.usage, { cause: error });
  }
}
