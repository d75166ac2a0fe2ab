/** Reads the older contract that `--against` names: a file, an address, or a Git revision. */
import { readFile, stat } from 'node:fs/promises';
import type { Baseline } from 'tidemark-codegen/breaking/compatibility';
import { CliError, EXIT } from './exit.ts';
import { readRevision } from './git-revision.ts';
import { reasonOf } from './reason.ts';
import { MAXIMUM_CONTRACT_BYTES, readText } from './response-text.ts';

const TIMEOUT_MS = 15_000;
/** Codes of errors that mean that there is no file of this name. The last two occur if a revision has a name that no file can have. */
const NO_FILE: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'EINVAL']);
const ADDRESS = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * Reads the text of the older contract. Its name in reports and errors is the path, the revision, or the address without credentials.
 * @param against an `http:` or `https:` address, a path that exists, or `REF` or `REF:PATH` of Git
 * @param contract path of the newer contract; if `against` is only a `REF`, this path is read in that revision
 * @throws {CliError} with exit code 5 if the address cannot be reached or answers with an error status; with exit code 2 if `against` is
 * invalid, or if the contract is too large
 */
export async function readContractText(against: string, contract: string): Promise<Baseline> {
  // Git would take an empty name for the index, for example that of a variable that is not set: `--against "$BASE"`.
  if (against.trim() === '')
    throw new CliError('--against is empty. Give a file, an http(s) address, REF, or REF:PATH.', EXIT.usage);
  if (ADDRESS.test(against)) return readAddress(against);
  return (await readLocalFile(against)) ?? (await readRevision(against, contract));
}

/** Reads the file. Undefined if there is no file of this name. */
async function readLocalFile(file: string): Promise<Baseline | undefined> {
  try {
    if ((await stat(file)).isFile()) return { name: file, text: await readFile(file, 'utf8'), file };
  } catch (error) {
    if (error instanceof Error && 'code' in error && NO_FILE.has(error.code)) return undefined;
    throw new CliError(`--against: ${file} cannot be read: ${reasonOf(error)}.`, EXIT.usage, { cause: error });
  }
  throw new CliError(`--against: ${file} is not a file.`, EXIT.usage);
}

async function readAddress(address: string): Promise<Baseline> {
  const { url, headers, name } = parseAddress(address);
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) {
      await response.body?.cancel();
      throw new CliError(
        `--against: ${name} answered with status ${response.status} instead of a contract.`,
        EXIT.unreachable,
      );
    }
    const text = await readText(response.body, MAXIMUM_CONTRACT_BYTES);
    if (text === undefined)
      throw new CliError(`--against: ${name} is larger than ${MAXIMUM_CONTRACT_BYTES} bytes.`, EXIT.usage);
    return { name, text };
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`--against: ${name} cannot be reached: ${causeOf(error)}.`, EXIT.unreachable, { cause: error });
  }
}

/** Separates the credentials from the address, because `fetch` refuses an address with credentials, and messages must not show them. */
function parseAddress(address: string): { url: URL; headers: Record<string, string>; name: string } {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  // The message does not quote the address. Any part of an invalid address may be a password: `https://me:12/34@host` has the port 12.
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new CliError('--against: not a valid address; expected https://HOST/PATH or http://HOST/PATH.', EXIT.usage);
  const username = decoded(url.username);
  const password = decoded(url.password);
  url.username = '';
  url.password = '';
  const headers =
    username === '' ? {} : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
  return {
    url,
    headers: { accept: 'application/yaml, text/yaml, */*', ...headers },
    name: `${url.origin}${url.pathname}`,
  };
}

/** Decodes a percent-encoded part of the credentials. The message does not quote the part, because it may be a secret. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    const message = '--against: the user name or password has a "%" that is not a percent-encoding; write "%" as %25.';
    throw new CliError(message, EXIT.usage, { cause });
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} seconds`;
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
