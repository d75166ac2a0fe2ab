/** Reads files of a Git revision. */
import { execFile } from 'node:child_process';
import { basename, dirname, posix, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Baseline } from 'tidemark-codegen/breaking/compatibility';
import { CliError, EXIT } from './exit.ts';
import { MAXIMUM_CONTRACT_BYTES } from './response-text.ts';

/** `REF:PATH`. A REF may contain colons in braces, such as `main@{2030-01-31 12:00}`, and an empty one is the index. */
const REF_PATH = /^(:[0-3]|(?:\{[^}]*\}|[^:{])*):(.*)$/s;

/**
 * Reads the text of a contract in a revision.
 * @param against `REF` or `REF:PATH`. PATH is interpreted as in `git show`: it is relative to the top of the repository, or to the working
 * directory if it begins with `./` or `../`.
 * @param contract the path that is read if `against` is only a `REF`
 * @throws {CliError} with exit code 2 if there is no such revision or file
 */
export async function readRevision(against: string, contract: string): Promise<Baseline> {
  if (against.startsWith('-')) throw notFound(against, 'a revision must not begin with "-"');
  const { ref, given, cwd } = parse(against, contract);
  try {
    const directory = (await git(cwd, 'rev-parse', '--show-prefix')).replace(/\n$/, '');
    const path = /^\.\.?\//.test(given) ? posix.join(directory, given) : given;
    const tree = await treeOf(ref, cwd);
    const readText = (file: string): Promise<string> =>
      git(cwd, 'cat-file', 'blob', `${tree}:${file}`).catch((error: unknown) => {
        throw new Error(messageOf(error).replaceAll(tree, ref), { cause: error });
      });
    const revision = { path, nameOf: (file: string) => `${ref}:${file}`, readText };
    return { name: revision.nameOf(path), text: await readText(path), revision };
  } catch (error) {
    throw notFound(against, messageOf(error), error);
  }
}

interface Parsed {
  readonly ref: string;
  /** PATH as the user gave it. */
  readonly given: string;
  /** The directory to which a PATH that begins with `./` is relative. */
  readonly cwd: string;
}

function parse(against: string, contract: string): Parsed {
  const [, ref, given] = REF_PATH.exec(against) ?? [];
  if (ref !== undefined && given !== undefined) return { ref, given, cwd: process.cwd() };
  return { ref: against, given: `./${basename(contract)}`, cwd: dirname(resolve(contract)) };
}

/**
 * The id of the revision's tree, so that every file is read from the same commit, even if a branch moves in the meantime. The index has no
 * tree, and a revision that does not exist is reported when its file is read. For both, `ref` itself is returned.
 */
function treeOf(ref: string, cwd: string): Promise<string> {
  return git(cwd, 'rev-parse', '--verify', '--quiet', `${ref}^{tree}`).then(
    (id) => id.trim(),
    () => ref,
  );
}

/** @returns the output of a Git command @throws {Error} with the reason */
async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)('git', args, { cwd, encoding: 'utf8', maxBuffer: MAXIMUM_CONTRACT_BYTES }))
      .stdout;
  } catch (error) {
    throw new Error(gitFault(error), { cause: error });
  }
}

function gitFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'git is not installed';
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `the file has more than ${MAXIMUM_CONTRACT_BYTES} bytes`;
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  const [line = ''] = stderr.replace(/^fatal: /, '').split('\n');
  return line === '' ? 'git failed' : line.replace(/\.$/, '');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function notFound(against: string, why: string, cause?: unknown): CliError {
  return new CliError(
    `--against: ${against} is neither a file nor a Git revision: ${why}. ` +
      'Give a file, an http(s) address, REF, or REF:PATH.',
    EXIT.usage,
    { cause },
  );
}
