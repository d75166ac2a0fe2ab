/** Builds the event that a command publishes, from flags, a file, stdin or an example of the contract. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { LIMITS } from '../../generated/protocol.ts';
import type { BroadcastData, OpenObject } from '../../generated/types.ts';
import { parseJson } from '../wire/json-guard.ts';
import { bundledExamples, gatewayExamples } from './contract-examples.ts';
import { CliError, EXIT } from './exit.ts';
import { reasonOf } from './reason.ts';
import type { RemoteOptions } from './remote.ts';

export interface EventOptions extends RemoteOptions {
  readonly event?: string;
  readonly payload?: string;
  readonly stream?: string;
  readonly source?: string;
  readonly example?: string;
}

export function eventOptions(command: Command): Command {
  return command
    .option('--event <name>', 'name of a declared event, or of a custom event such as build.finished')
    .option('--payload <json>', 'payload as a JSON object; - reads it from stdin, @file from a file')
    .option(
      '--stream <name>',
      'stream of the event: main, workspace:<id> or session:<id> (default: session:<sessionId> for a session_event, otherwise main)',
    )
    .option('--source <label>', 'name of the publisher')
    .option('--example <name>', "use an example of the gateway's contract; `list` prints the names of all examples");
}

/** The names of all examples, one per line. */
export async function exampleNames({ url }: RemoteOptions): Promise<string> {
  const examples = (await gatewayExamples(url)) ?? bundledExamples();
  return [...examples.keys()].join('\n');
}

/** Builds the event. @throws {CliError} if the flags specify no event, or a payload that cannot be read */
export async function eventBody(options: EventOptions): Promise<BroadcastData> {
  const { stream, source } = options;
  return {
    ...(options.example === undefined ? eventOf(options) : await exampleOf(options.example, options)),
    ...(stream === undefined ? {} : { stream }),
    ...(source === undefined ? {} : { source }),
  };
}

async function exampleOf(name: string, { event, payload, url }: EventOptions): Promise<BroadcastData> {
  if (event !== undefined || payload !== undefined)
    throw new CliError('--example sets the event and the payload: remove --event and --payload.', EXIT.usage);
  const bundled = bundledExamples();
  const examples = bundled.has(name) ? bundled : ((await gatewayExamples(url)) ?? bundled);
  const example = examples.get(name);
  if (example !== undefined) return example;
  throw new CliError(`There is no example ${name}. The examples are: ${[...examples.keys()].join(', ')}.`, EXIT.usage);
}

function eventOf({ event, payload }: EventOptions): BroadcastData {
  if (event === undefined || payload === undefined)
    throw new CliError('Give --event and --payload, or --example.', EXIT.usage);
  return { event, payload: readPayload(payload) };
}

function readPayload(text: string): OpenObject {
  const json = payloadText(text);
  let value: unknown;
  try {
    // The gateway refuses large numbers and repeated keys. They must be refused here already, because `JSON.parse` would round the numbers
    // and drop the keys, so the gateway could not detect them.
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
