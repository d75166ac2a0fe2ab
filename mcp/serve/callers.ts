/**
 * The callers of an HTTP server. Each caller has a token for this server, and a credential for the gateway. The token is never sent to the
 * gateway, because MCP forbids sending a token to a server for which it was not issued (Authorization, *Token Passthrough*).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CliError, EXIT } from '../../src/cli/exit.ts';
import { reasonOf } from '../../src/cli/reason.ts';

export interface Caller {
  /** Identifies the caller's webhook subscriptions. */
  readonly name: string;
  /** SHA-256 of the caller's token. */
  readonly digest: Buffer;
  /** The caller's credential for the gateway. */
  readonly credential: CredentialFile;
}

/**
 * The file with a caller's gateway credential. The file is required: without it, this server would use the credential of its own
 * environment for the caller.
 */
export type CredentialFile = { readonly tokenFile: string } | { readonly apiKeyFile: string };

interface Entry {
  readonly name?: unknown;
  readonly tokenSha256?: unknown;
  readonly tokenFile?: unknown;
  readonly apiKeyFile?: unknown;
}

const EXAMPLE = '{"callers":[{"name":"ana","tokenSha256":"<64 hex digits>","tokenFile":"ana.token"}]}';

/** Reads the file of `--callers`. @throws {CliError} if the file cannot be read, or does not contain a list of callers */
export async function readCallers(file: string): Promise<readonly Caller[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CliError(`--callers ${file} cannot be read: ${reasonOf(cause)}`, EXIT.usage, { cause });
  });
  const value = parse(file, text);
  const entries = typeof value === 'object' && value !== null && 'callers' in value ? value.callers : undefined;
  if (!Array.isArray(entries) || entries.length === 0) throw fault(file, `expected ${EXAMPLE}`);
  const callers = entries.map((entry, index) => callerOf(file, entry as Entry, index));
  if (new Set(callers.map(({ name }) => name)).size < callers.length)
    throw fault(file, 'two callers have the same name; each name must be unique');
  return callers;
}

/** Finds the caller with a token. @returns undefined if no caller has the token */
export function callerWith(token: string, callers: readonly Caller[]): Caller | undefined {
  const digest = createHash('sha256').update(token).digest();
  return callers.find((caller) => timingSafeEqual(caller.digest, digest));
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError(`${file} is not valid JSON; expected ${EXAMPLE}.`, EXIT.usage, { cause });
  }
}

function callerOf(file: string, { name, tokenSha256, tokenFile, apiKeyFile }: Entry, index: number): Caller {
  const place = `callers[${index}]`;
  if (typeof name !== 'string' || name === '') throw fault(file, `${place}.name must be a non-empty string`);
  if (typeof tokenSha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(tokenSha256))
    throw fault(file, `${place}.tokenSha256 must be the SHA-256 of the caller's token, 64 hex digits`);
  const digest = Buffer.from(tokenSha256, 'hex');
  const below = (path: string): string => resolve(dirname(file), path);
  if (typeof tokenFile === 'string' && apiKeyFile === undefined)
    return { name, digest, credential: { tokenFile: below(tokenFile) } };
  if (typeof apiKeyFile === 'string' && tokenFile === undefined)
    return { name, digest, credential: { apiKeyFile: below(apiKeyFile) } };
  throw fault(
    file,
    `${place} needs either tokenFile or apiKeyFile: the file with the caller's credential for the gateway`,
  );
}

function fault(file: string, text: string): CliError {
  return new CliError(`${file}: ${text}.`, EXIT.usage);
}
