/** The address and the credential for all commands that connect to a running gateway, and the HTTP requests of these commands. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
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
import { MAXIMUM_RESPONSE_BYTES, readText } from './response-text.ts';
import { plainMessage } from './terminal.ts';

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

/**
 * The credential of the named file or, if no file is named, of the environment. If a file is named, the environment is ignored, so that a
 * command never uses the operator's credential by mistake. Credentials are never read from the arguments of the process, which every user
 * of the machine can see.
 * @throws {CliError} if the file cannot be read, or if two files are named
 */
export function secretOf({ tokenFile, apiKeyFile }: RemoteOptions): Secret {
  if (tokenFile !== undefined && apiKeyFile !== undefined)
    throw new CliError('Give either --token-file or --api-key-file, not both.', EXIT.usage);
  if (tokenFile !== undefined) return { token: readSecret(tokenFile) };
  if (apiKeyFile !== undefined) return { apiKey: readSecret(apiKeyFile) };
  const token = fromVariable('TIDEMARK_TOKEN');
  if (token !== undefined) return { token };
  const apiKey = fromVariable('TIDEMARK_API_KEY');
  return apiKey === undefined ? {} : { apiKey };
}

/** An empty variable counts as not set. */
function fromVariable(name: string): string | undefined {
  const value = process.env[name] ?? '';
  return value === '' ? undefined : oneWord(value, name);
}

/** Refuses a value that is not one word. Such a value is no credential, and the error for an invalid header would quote it. */
function oneWord(text: string, place: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new CliError(
    `${place} contains no valid credential: expected one word of printable ASCII on one line.`,
    EXIT.usage,
  );
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
 * The address of the WebSocket. Without a path, the path of the contract is used, so `http://host:7400` is enough.
 * @throws {CliError} if no gateway can have this address
 */
export function webSocketUrl(url: string): string {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined || !PROTOCOLS.has(address.protocol))
    // The message does not quote the address: without a scheme or with a wrong port, any part of it may be a password.
    throw new CliError(`--url is not a valid address; expected for example ${DEFAULT_URL}.`, EXIT.usage);
  if (carriesCredential(address))
    throw new CliError(
      `--url contains a credential, and proxies or servers may write the URL to their logs. ${CREDENTIAL_HINT}`,
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

/** The address of an HTTP operation: `http://host/ws/health` for the WebSocket `ws://host/ws` and the path `/health`. */
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
  /** Path of the operation, such as `/health`. It is appended to the path of the WebSocket. */
  readonly below: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Validates the response. */
  readonly fits: Validator;
}

const TIMEOUT_MS = 10_000;
const TOO_MANY_REQUESTS = 429;

/**
 * Sends an HTTP request and returns the body of the response. A request that exceeds the rate limit is repeated when the gateway allows it,
 * because a list of many pages may need more requests than the limit allows at once.
 * @throws {CliError} with the exit code of the failure
 */
export async function call(
  options: RemoteOptions,
  { method = 'GET', below, query = {}, body, fits }: Call,
): Promise<unknown> {
  const address = httpUrl(options.url, below);
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  const { token, apiKey } = secretOf(options);
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const request = {
    method,
    headers,
    redirect: 'error' as const,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  for (let patienceMs = TIMEOUT_MS; ;) {
    const { status, answer } = await exchange(options, address, request);
    if (fits(answer)) return answer;
    const delayMs = status === TOO_MANY_REQUESTS ? retryDelayOf(answer) : undefined;
    if (delayMs === undefined || delayMs > patienceMs) throw refused(options, status, answer);
    patienceMs -= delayMs;
    await delay(delayMs);
  }
}

async function exchange(
  options: RemoteOptions,
  address: URL,
  request: RequestInit,
): Promise<{ readonly status: number; readonly answer: unknown }> {
  try {
    const response = await fetch(address, { ...request, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { status: response.status, answer: parse(await readText(response.body, MAXIMUM_RESPONSE_BYTES)) };
  } catch (error) {
    throw unreachable(options.url, networkReason(error), error);
  }
}

/** How long to wait before a refused request is repeated, in milliseconds (OPS-6). */
function retryDelayOf(answer: unknown): number | undefined {
  return httpValidators.error(answer) ? (answer as ErrorMessage).data.retryAfterMs : undefined;
}

function parse(text = ''): unknown {
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
    const message = `The response (status ${status}) does not come from a gateway. Check that --url is the address of its WebSocket.`;
    return new CliError(message, EXIT.runtime);
  }
  const { code, message } = (answer as ErrorMessage).data;
  if (code === 'unknown_type') return unreachable(options.url, `status ${status}: the WebSocket has another path`);
  return new CliError(refusalText({ code, message }, options), exitCodeOf(code));
}

/** The text for an error of a gateway. If a credential is missing, the text tells how to give one on the command line. */
export function refusalText(
  { code, message }: { readonly code: string; readonly message: string },
  options: RemoteOptions,
): string {
  if (code !== 'unauthenticated' || Object.keys(secretOf(options)).length > 0)
    return plainMessage(`${code}: ${message}`);
  return `${code}: This gateway requires a credential. ${CREDENTIAL_HINT}`;
}

export const CREDENTIAL_HINT =
  'Give a credential with --token-file or --api-key-file, or in TIDEMARK_TOKEN or TIDEMARK_API_KEY.';

/** The exit code for an error code of the contract. */
export function exitCodeOf(code: string): ExitCode {
  if (code === 'unauthenticated' || code === 'forbidden') return EXIT.auth;
  if (!Object.hasOwn(ERRORS, code)) return EXIT.runtime;
  const { httpStatus, retryable } = ERRORS[code as ErrorCode];
  return httpStatus >= 500 || retryable ? EXIT.runtime : EXIT.usage;
}
