/**
 * The suite's configuration for a target: the address of the target, how to make it emit events, and credentials for
 * it.
 */
import { readFileSync } from 'node:fs';
import { CREDENTIAL_PARAMETERS } from '../../generated/protocol.ts';
import { readSource } from './credential.ts';
import type { Credential } from './credential.ts';
import { isArray, isObject, tryParse } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import { NEEDS, isNeed } from './needs.ts';

/**
 * How the suite makes the target emit events. `auto` chooses `inband` or `http`, depending on what the target offers.
 */
export type StimulusConfig =
  | { readonly port: 'auto' | 'inband' | 'http' | 'none' }
  /** A command that reads `{stream, event, payload, source?}` lines from its input and publishes each. */
  | { readonly port: 'exec'; readonly command: readonly string[] }
  /** A directory that the target watches. Only `file_change` events can be emitted in this way. */
  | { readonly port: 'fs'; readonly directory: string };

export interface TargetConfig {
  readonly url: string;
  readonly httpUrl: string;
  readonly stimulus: StimulusConfig;
  /**
   * Credentials by name. The credential `default` is used by the witness, by the publisher, and by every actor that
   * names no other credential.
   */
  readonly credentials: Readonly<Record<string, Credential>>;
  /** Commands that make the target do something: `shutdown`, `restart`, `revoke`, … */
  readonly control: Readonly<Record<string, readonly string[]>>;
  /** Features that the target does not have. Tapes that need one of them do not apply. */
  readonly without: readonly string[];
  /**
   * Features that the target claims to have. If a claimed feature cannot be tested, its tapes are UNTESTABLE instead of
   * N/A.
   */
  readonly claims: readonly string[];
}

/** Thrown for an invalid configuration. The exit code is 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

function fail(text: string): never {
  throw new ConfigError(text);
}

function readText(value: Json | undefined, what: string): string {
  return typeof value === 'string' && value !== '' ? value : fail(`${what} must be a non-empty string.`);
}

function texts(value: Json | undefined, what: string): readonly string[] {
  return isArray(value) ? value.map((each) => readText(each, what)) : fail(`${what} must be a list of strings.`);
}

/** Reads a list of features, with the names that the needs of tapes use. */
function readNeeds(value: Json | undefined, what: string): readonly string[] {
  const names = value === undefined ? [] : texts(value, what);
  const stray = names.find((name) => !isNeed(name));
  if (stray !== undefined)
    fail(
      `${what} has an unknown feature ${JSON.stringify(stray)}; a feature is one of ${NEEDS.join(', ')}, or one of these with an argument, such as "control:revoke".`,
    );
  return names;
}

/**
 * Reads one credential. A configuration must not contain secrets; it names the environment variable, file or command that
 * provides each secret.
 */
function readCredential(name: string, value: Json): Credential {
  const what = `credentials.${name}`;
  if (!isObject(value) || Object.keys(value).length !== 1)
    return fail(`${what} must be {"token": …} or {"apiKey": …}.`);
  const kind = value['token'] === undefined ? 'apiKey' : 'token';
  const source = readSource(value[kind]);
  if (source === undefined)
    return fail(
      `${what}.${kind} must be {"env": "NAME"}, {"file": "path"} or {"command": ["…"]}; the configuration must not contain the secret itself.`,
    );
  return { kind, source };
}

function readStimulus(value: Json | undefined): StimulusConfig {
  if (value === undefined) return { port: 'auto' };
  if (!isObject(value)) return fail('stimulus must be an object with a "port".');
  const { port } = value;
  if (port === 'exec') return { port, command: texts(value['command'], 'stimulus.command') };
  if (port === 'fs') return { port, directory: readText(value['directory'], 'stimulus.directory') };
  if (port === 'auto' || port === 'inband' || port === 'http' || port === 'none') return { port };
  return fail('stimulus.port must be auto, inband, http, exec, fs or none.');
}

/** Parses the value of `--stimulus`: `inband`, `http`, `none`, `auto`, `exec:COMMAND` or `fs:DIRECTORY`. */
function parseStimulus(value: string): StimulusConfig {
  const [port, rest] = value.includes(':')
    ? [value.slice(0, value.indexOf(':')), value.slice(value.indexOf(':') + 1)]
    : [value];
  if (port === 'exec' && rest !== undefined) return readStimulus({ port, command: ['sh', '-c', rest] });
  if (port === 'fs' && rest !== undefined) return readStimulus({ port, directory: rest });
  return readStimulus({ port: port ?? '' });
}

/** The default address for HTTP: the host and port of the WebSocket. */
function httpUrlOf(url: string): string {
  const address = new URL(url);
  address.protocol = address.protocol === 'wss:' ? 'https:' : 'http:';
  return address.origin;
}

const EXAMPLES = { ws: 'ws://127.0.0.1:7400/ws', http: 'http://127.0.0.1:7400' } as const;

/**
 * Parses an address that the user gave. The message does not quote it: in an invalid address, any part may be a password.
 *
 * @param what the option or setting with the address
 * @throws {ConfigError} if the address is invalid
 */
export function parseAddress(text: string, what: string, kind: 'ws' | 'http'): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && [`${kind}:`, `${kind}s:`].includes(url.protocol)) return url;
  return fail(`${what} is not a valid address; expected ${kind}: or ${kind}s:, as in ${EXAMPLES[kind]}.`);
}

/** Parses the address of a target. @throws {ConfigError} also if it contains a credential, which traces and reports would show */
export function parseTargetAddress(text: string, what: string, kind: 'ws' | 'http'): URL {
  const url = parseAddress(text, what, kind);
  const parameters: readonly string[] = CREDENTIAL_PARAMETERS;
  const isSecret = (name: string): boolean => parameters.includes(name.toLowerCase());
  if (url.username === '' && url.password === '' && ![...url.searchParams.keys()].some(isSecret)) return url;
  return fail(
    `${what} contains a credential, which traces and reports would show. Remove it from the address; --help lists the options for credentials.`,
  );
}

function checkAddress(text: string, what: string, kind: 'ws' | 'http'): string {
  parseTargetAddress(text, what, kind);
  return text;
}

const KEYS = ['url', 'httpUrl', 'stimulus', 'credentials', 'control', 'without', 'claims'];

/** Reads a configuration (as parsed JSON); options of the command line override it. */
export function readConfig(
  value: Json,
  over: { readonly url?: string; readonly httpUrl?: string; readonly stimulus?: string } = {},
): TargetConfig {
  if (!isObject(value)) return fail('The configuration must be one JSON object.');
  const stray = Object.keys(value).find((key) => !KEYS.includes(key));
  if (stray !== undefined)
    fail(`The configuration has an unknown key ${JSON.stringify(stray)}; allowed are ${KEYS.join(', ')}.`);
  const url = checkAddress(over.url ?? readText(value['url'], 'url (or --url)'), 'url (or --url)', 'ws');
  const httpUrl = over.httpUrl ?? (value['httpUrl'] === undefined ? undefined : readText(value['httpUrl'], 'httpUrl'));
  const { credentials = {}, control = {} } = value;
  if (!isObject(credentials)) return fail('credentials must be an object.');
  if (!isObject(control)) return fail('control must be an object.');
  return {
    url,
    httpUrl: httpUrl === undefined ? httpUrlOf(url) : checkAddress(httpUrl, 'httpUrl (or --http-url)', 'http'),
    stimulus: over.stimulus === undefined ? readStimulus(value['stimulus']) : parseStimulus(over.stimulus),
    credentials: Object.fromEntries(
      Object.entries(credentials).map(([name, each]) => [name, readCredential(name, each)]),
    ),
    control: Object.fromEntries(Object.entries(control).map(([name, each]) => [name, texts(each, `control.${name}`)])),
    without: readNeeds(value['without'], 'without'),
    claims: readNeeds(value['claims'], 'claims'),
  };
}

export function readConfigFile(file: string): Json {
  try {
    return tryParse(readFileSync(file, 'utf8')) ?? fail(`${file} is not valid JSON.`);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`${file} cannot be read.`, { cause });
  }
}
