/** What the commands that talk to a running gateway have in common: its address and the credential. */
import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import { ERRORS } from '../../generated/protocol.ts';
import type { ErrorCode } from '../../generated/protocol.ts';
import { CliError, EXIT } from './exit.ts';
import type { ExitCode } from './exit.ts';

export interface RemoteOptions {
  readonly url: string;
  readonly tokenFile?: string;
  readonly apiKeyFile?: string;
}

export interface Secret {
  readonly token?: string;
  readonly apiKey?: string;
}

const DEFAULT_URL = 'ws://127.0.0.1:7400/ws';

export function remoteOptions(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'address of the gateway').env('TIDEMARK_URL').default(DEFAULT_URL))
    .option('--token-file <file>', 'file with a token (or TIDEMARK_TOKEN in the environment)')
    .option('--api-key-file <file>', 'file with an API key (or TIDEMARK_API_KEY in the environment)');
}

/** @throws {CliError} when a file cannot be read. Credentials never come from argv, where every user can read them. */
export function secretOf({ tokenFile, apiKeyFile }: RemoteOptions): Secret {
  const token = tokenFile === undefined ? process.env['TIDEMARK_TOKEN'] : readSecret(tokenFile);
  const apiKey = apiKeyFile === undefined ? process.env['TIDEMARK_API_KEY'] : readSecret(apiKeyFile);
  if (token !== undefined && token !== '') return { token };
  return apiKey !== undefined && apiKey !== '' ? { apiKey } : {};
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${reasonOf(error)}`, EXIT.usage, { cause: error });
  }
}

/** The HTTP address that belongs to a WebSocket's: `ws://host/ws` and `/health` give `http://host/ws/health`. */
export function httpUrl(url: string, below: string): URL {
  let address: URL;
  try {
    address = new URL(url);
  } catch (error) {
    throw new CliError(`--url ${url} is not an address such as ${DEFAULT_URL}.`, EXIT.usage, { cause: error });
  }
  if (address.protocol === 'ws:') address.protocol = 'http:';
  if (address.protocol === 'wss:') address.protocol = 'https:';
  address.pathname = `${address.pathname.replace(/\/$/, '')}${below}`;
  return address;
}

export interface Call {
  readonly method?: 'GET' | 'POST';
  /** Below the WebSocket's path. */
  readonly below: string;
  readonly body?: unknown;
}

const TIMEOUT_MS = 10_000;

/**
 * Asks over HTTP and returns the answer's body.
 * @throws {CliError} with the exit code that the refusal calls for
 */
export async function call(options: RemoteOptions, { method = 'GET', below, body }: Call): Promise<unknown> {
  const address = httpUrl(options.url, below);
  const { token, apiKey } = secretOf(options);
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const request = { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' as const };
  let response: Response;
  try {
    response = await fetch(address, body === undefined ? request : { ...request, body: JSON.stringify(body) });
  } catch (error) {
    throw unreachable(options.url, error);
  }
  const text = await response.text();
  const answer = parse(text);
  if (response.ok || (below === '/health' && answer !== undefined)) return answer;
  throw refused(response.status, answer);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function unreachable(url: string, cause: unknown): CliError {
  const message = `No gateway answers at ${url} (${reasonOf(cause)}). Start one with \`tidemark serve\`, or give --url.`;
  return new CliError(message, EXIT.unreachable, { cause });
}

function refused(status: number, answer: unknown): CliError {
  const data = (answer as { readonly data?: { readonly code?: string; readonly message?: string } } | undefined)?.data;
  if (data?.code === undefined) {
    const message = `The answer has the status ${status} and is none of a gateway's. Is --url the address of its WebSocket?`;
    return new CliError(message, EXIT.runtime);
  }
  return new CliError(`${data.code}: ${data.message ?? ''}`, exitCodeOf(data.code));
}

/** The exit code that an error code of the contract calls for. */
export function exitCodeOf(code: string): ExitCode {
  if (code === 'unauthenticated' || code === 'forbidden') return EXIT.auth;
  if (!Object.hasOwn(ERRORS, code)) return EXIT.runtime;
  const { httpStatus, retryable } = ERRORS[code as ErrorCode];
  return httpStatus >= 500 || retryable ? EXIT.runtime : EXIT.usage;
}

/** The innermost reason, which says the most: `fetch failed` hides `ECONNREFUSED`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.message === '' ? error.name : error.message;
}
