/**
 * Credentials of a target: where their secrets come from, and how they are sent. Secrets are never written to a trace.
 */
import { readFile } from 'node:fs/promises';
import { isArray, isObject, tryParse } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { CommandError, outputOfCommand } from './command.ts';

export type SecretKind = 'token' | 'apiKey';

/** Where a secret comes from. A command runs again each time the secret is needed. */
export type SecretSource =
  { readonly env: string } | { readonly file: string } | { readonly command: readonly [string, ...string[]] };

export interface Credential {
  readonly kind: SecretKind;
  readonly source: SecretSource;
}

/**
 * A credential in the two forms in which it is sent: as headers of an upgrade or request, and as `data` of the
 * `authenticate` command.
 */
export interface Presented {
  readonly headers: Readonly<Record<string, string>>;
  readonly data: JsonObject;
}

/** Thrown if the secret cannot be read from the place that the configuration names. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

function isCommand(value: Json | undefined): value is [string, ...string[]] {
  return isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}

/** Reads `{"env": "NAME"}`, `{"file": "path"}` or `{"command": ["…"]}`; returns undefined for any other value. */
export function readSource(value: Json | undefined): SecretSource | undefined {
  if (!isObject(value) || Object.keys(value).length !== 1) return undefined;
  const { env, file, command } = value;
  if (typeof env === 'string') return { env };
  if (typeof file === 'string') return { file };
  return isCommand(command) ? { command } : undefined;
}

async function secretOf(source: SecretSource): Promise<string> {
  if ('env' in source) {
    const found = process.env[source.env];
    if (found === undefined) throw new SecretError(`the environment variable ${source.env} is not set`);
    return found;
  }
  try {
    if ('file' in source) return (await readFile(source.file, 'utf8')).trim();
    return (await outputOfCommand(source.command)).trim();
  } catch (cause) {
    const what = 'file' in source ? source.file : source.command.join(' ');
    const reason = cause instanceof CommandError ? `: ${cause.message}` : '';
    throw new SecretError(`cannot read the secret from ${what}${reason}`, { cause });
  }
}

/** @throws {SecretError} when the secret cannot be read. */
export async function present({ kind, source }: Credential): Promise<Presented> {
  const secret = await secretOf(source);
  const headers: Readonly<Record<string, string>> =
    kind === 'token' ? { authorization: `Bearer ${secret}` } : { 'x-api-key': secret };
  return { headers, data: { [kind]: secret } };
}

/**
 * The secrets in headers and in a sent `authenticate`. With them, the suite detects a server that sends a secret back.
 */
export function secretsIn(headers: Readonly<Record<string, string>>, message?: string): readonly string[] {
  const named = Object.entries(headers).filter(([name]) => /^(?:authorization|x-api-key)$/i.test(name));
  const json = message === undefined ? undefined : tryParse(message);
  const data = isObject(json) && json['type'] === 'authenticate' && isObject(json['data']) ? json['data'] : {};
  const values = [...named.map(([, value]) => value.replace(/^\S+\s+/, '')), ...Object.values(data)];
  return values.filter((each) => typeof each === 'string');
}

/** The text of a sent message for the trace, in which the secrets of `authenticate` are masked. */
export function withoutSecrets(text: string): string {
  const json = tryParse(text);
  if (!isObject(json) || json['type'] !== 'authenticate' || !isObject(json['data'])) return text;
  const data = Object.fromEntries(
    Object.entries(json['data']).map(([key, value]) => [
      key,
      typeof value === 'string' ? 'tm_masked_0000000000000000' : value,
    ]),
  );
  return JSON.stringify({ ...json, data });
}
