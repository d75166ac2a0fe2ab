/** What the commands that talk to a running gateway have in common: its address and the credential. */
import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import { CREDENTIAL_PARAMETERS, ERRORS, WEBSOCKET_PATH } from '../../generated/protocol.ts';
import type { ErrorCode } from '../../generated/protocol.ts';
import type { ErrorMessage } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import type { Validator } from '../../generated/validators.js';
import { CliError, EXIT } from './exit.ts';
import type { ExitCode } from './exit.ts';
import { networkReason } from './handshake.ts';
import { reasonOf } from './reason.ts';
import { plain } from './terminal.ts';

export interface RemoteOptions {
  readonly url: string;
  readonly tokenFile?: string;
  readonly apiKeyFile?: string;
}

export interface Secret {
  readonly token?: string;
  readonly apiKey?: string;
}

const PROTOCOLS: ReadonlySet<string> = new Set(['ws:', 'wss:', 'http:', 'https:']);
const DEFAULT_URL = `ws://127.0.0.1:7400${WEBSOCKET_PATH}`;

export function remoteOptions(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'address of the gateway').env('TIDEMARK_URL').default(DEFAULT_URL))
    .option('--token-file <file>', 'file with a token (or TIDEMARK_TOKEN in the environment)')
    .option('--api-key-file <file>', 'file with an API key (or TIDEMARK_API_KEY in the environment)');
}

/** @throws {CliError} when a file cannot be read. Credentials never come from argv, where every user can read them. */
export function secretOf({ tokenFile, apiKeyFile }: RemoteOptions): Secret {
  const token = tokenFile === undefined ? fromVariable('TIDEMARK_TOKEN') : readSecret(tokenFile);
  const apiKey = apiKeyFile === undefined ? fromVariable('TIDEMARK_API_KEY') : readSecret(apiKeyFile);
  if (token !== undefined) return { token };
  return apiKey === undefined ? {} : { apiKey };
}

/** A variable that is empty counts as not set. */
function fromVariable(name: string): string | undefined {
  const value = process.env[name] ?? '';
  return value === '' ? undefined : oneWord(value, name);
}

/** What holds more than one word is no credential; a header would refuse it, with a text that quotes it. */
function oneWord(text: string, place: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new CliError(`${place} holds no credential: one word of printable ASCII, on one line.`, EXIT.usage);
}

function readSecret(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${reasonOf(error)}`, EXIT.usage, { cause: error });
  }
  return oneWord(text.trim(), file);
}

/**
 * The address of the WebSocket: without a path, the one of the contract is meant, so `http://host:7400` is enough.
 * @throws {CliError} when it is no address of a gateway
 */
export function webSocketUrl(url: string): string {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined || !PROTOCOLS.has(address.protocol))
    throw new CliError(`--url ${url} is not an address such as ${DEFAULT_URL}.`, EXIT.usage);
  if (carriesCredential(address))
    throw new CliError(
      `--url carries a credential, which whatever it passes would log. ${CREDENTIAL_HINT}`,
      EXIT.usage,
    );
  address.protocol = address.protocol.replace('http', 'ws');
  address.pathname = address.pathname === '/' ? WEBSOCKET_PATH : address.pathname.replace(/\/$/, '');
  return address.href;
}

function carriesCredential({ username, password, searchParams }: URL): boolean {
  const parameters: readonly string[] = CREDENTIAL_PARAMETERS;
  return (
    username !== '' ||
    password !== '' ||
    [...searchParams.keys()].some((name) => parameters.includes(name.toLowerCase()))
  );
}

/** The HTTP address below a WebSocket's: `ws://host/ws` and `/health` give `http://host/ws/health`. */
function httpUrl(url: string, below: string): URL {
  const address = new URL(webSocketUrl(url));
  address.protocol = address.protocol.replace('ws', 'http');
  address.pathname += below;
  return address;
}

/** Address of a document that the gateway serves at its top level. */
export function documentUrl(url: string, path: string): string {
  const address = new URL(webSocketUrl(url));
  address.protocol = address.protocol === 'wss:' ? 'https:' : 'http:';
  return new URL(path, address).href;
}

export interface Call {
  readonly method?: 'GET' | 'POST';
  /** Below the WebSocket's path. */
  readonly below: string;
  readonly body?: unknown;
  /** What the answer has to be. */
  readonly fits: Validator;
}

const TIMEOUT_MS = 10_000;
const NOT_FOUND = 404;

/**
 * Asks over HTTP and returns the answer's body.
 * @throws {CliError} with the exit code that the refusal calls for
 */
export async function call(options: RemoteOptions, { method = 'GET', below, body, fits }: Call): Promise<unknown> {
  const address = httpUrl(options.url, below);
  const { token, apiKey } = secretOf(options);
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const request = { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' as const };
  let status: number;
  let answer: unknown;
  try {
    const response = await fetch(address, body === undefined ? request : { ...request, body: JSON.stringify(body) });
    ({ status } = response);
    answer = parse(await response.text());
  } catch (error) {
    throw unreachable(options.url, networkReason(error), error);
  }
  if (fits(answer)) return answer;
  throw refused(options, status, answer);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function unreachable(url: string, reason: string, cause?: unknown): CliError {
  const message = `No gateway answers at ${url} (${reason}). Start one with \`tidemark serve\`, or give --url.`;
  return new CliError(message, EXIT.unreachable, { cause });
}

function refused(options: RemoteOptions, status: number, answer: unknown): CliError {
  if (!httpValidators.error(answer)) {
    const message = `The answer has the status ${status} and is none of a gateway's. Is --url the address of its WebSocket?`;
    return new CliError(message, EXIT.runtime);
  }
  if (status === NOT_FOUND) return unreachable(options.url, 'it answered 404: its WebSocket has another address');
  const { code, message } = (answer as ErrorMessage).data;
  return new CliError(refusalText({ code, message }, options), exitCodeOf(code));
}

/** What a gateway refused; where it asks for a credential, how one is given on the command line. */
export function refusalText(
  { code, message }: { readonly code: string; readonly message: string },
  options: RemoteOptions,
): string {
  if (code !== 'unauthenticated' || Object.keys(secretOf(options)).length > 0) return plain(`${code}: ${message}`);
  return `${code}: This gateway asks for a credential. ${CREDENTIAL_HINT}`;
}

export const CREDENTIAL_HINT =
  'Give one with --token-file or --api-key-file, or in TIDEMARK_TOKEN or TIDEMARK_API_KEY.';

/** The exit code that an error code of the contract calls for. */
export function exitCodeOf(code: string): ExitCode {
  if (code === 'unauthenticated' || code === 'forbidden') return EXIT.auth;
  if (!Object.hasOwn(ERRORS, code)) return EXIT.runtime;
  const { httpStatus, retryable } = ERRORS[code as ErrorCode];
  return httpStatus >= 500 || retryable ? EXIT.runtime : EXIT.usage;
}
