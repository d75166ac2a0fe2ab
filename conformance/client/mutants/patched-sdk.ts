/** Makes copies of the SDKs, unchanged or with one fault, together with a driver program. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isArray, member, textAt, tryParse } from '../../trace/json.ts';
import type { Mutant } from '../../mutants/host.ts';

export const LANGUAGES = ['typescript', 'python'] as const;

export type Language = (typeof LANGUAGES)[number];

/** A text that occurs exactly once in a file of the SDK, and its replacement. */
export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A client that breaks one clause. */
export interface ClientMutant extends Mutant {
  readonly patches: readonly Patch[];
}

/** Thrown if a patch does not apply, because the sources of the SDK have changed. */
class PatchError extends Error {
  override readonly name = 'PatchError';
}

/** A driver program for `conformance client`, which uses a copy of the SDK. */
export interface PatchedClient {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly remove: () => Promise<void>;
}

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const GENERATED = at('../../../generated');
const ADAPTERS = at('../adapters');
/** The Python interpreter: by default that of Debian, which has the package `websockets`. */
const PYTHON = process.env['TIDEMARK_PYTHON'] ?? '/usr/bin/python3';

const SOURCES: Readonly<Record<Language, string>> = { typescript: GENERATED, python: join(GENERATED, 'python') };

function patchOf(value: unknown): Patch {
  return {
    file: textAt(value as never, 'file') ?? '',
    find: textAt(value as never, 'find') ?? '',
    replace: textAt(value as never, 'replace') ?? '',
  };
}

export async function listClientMutants(language: Language): Promise<readonly ClientMutant[]> {
  const value = tryParse(await readFile(at(`${language}.json`), 'utf8'));
  if (!isArray(value)) throw new PatchError(`${language}.json is not a list of mutants.`);
  return value.map((each) => {
    const patches = member(each, 'patches');
    return {
      name: textAt(each, 'name') ?? '',
      clause: textAt(each, 'clause') ?? '',
      what: textAt(each, 'what') ?? '',
      patches: isArray(patches) ? patches.map(patchOf) : [],
    };
  });
}

/** @throws {PatchError} when the text to find does not occur exactly once. */
function applied({ file, find, replace }: Patch, source: string): string {
  const [before, after, ...more] = source.split(find);
  if (before === undefined || after === undefined || more.length > 0)
    throw new PatchError(`${file} must contain this text exactly once, so that it can be replaced: ${find}`);
  return `${before}${replace}${after}`;
}

/**
 * Checks that each patch of a mutant can be applied.
 * @throws {PatchError} when a patch does not apply; the message names the file and the text
 */
export async function checkPatches(language: Language, mutant: ClientMutant): Promise<void> {
  for (const patch of mutant.patches) applied(patch, await readFile(join(SOURCES[language], patch.file), 'utf8'));
}

async function copySdk(language: Language, root: string): Promise<string> {
  if (language === 'python') {
    const sdk = join(root, 'sdk');
    await cp(join(SOURCES.python, 'tidemark_client'), join(sdk, 'tidemark_client'), { recursive: true });
    return sdk;
  }
  const sdk = join(root, 'generated');
  // The adapter imports the SDK by a relative path, so the copies keep the relative paths of the originals.
  await cp(join(ADAPTERS, 'typescript.ts'), join(root, 'conformance', 'client', 'adapters', 'typescript.ts'));
  await cp(join(GENERATED, 'runtime'), join(sdk, 'runtime'), { recursive: true });
  for (const name of ['client.ts', 'protocol.ts', 'streams.ts', 'types.ts'])
    await cp(join(GENERATED, name), join(sdk, name));
  await writeFile(join(root, 'package.json'), '{"type":"module"}\n');
  return sdk;
}

/**
 * Copies an SDK into a temporary directory, and patches it.
 * @throws {PatchError} when a patch does not apply.
 */
export async function patchedClient(language: Language, mutant?: ClientMutant): Promise<PatchedClient> {
  const root = await mkdtemp(join(tmpdir(), 'tidemark-client-mutant-'));
  const remove = (): Promise<void> => rm(root, { recursive: true, force: true });
  try {
    const sdk = await copySdk(language, root);
    for (const patch of mutant?.patches ?? []) {
      const file = join(sdk, patch.file);
      await writeFile(file, applied(patch, await readFile(file, 'utf8')));
    }
    if (language === 'python')
      return { command: `${PYTHON} ${join(ADAPTERS, 'python.py')}`, env: { TIDEMARK_PYTHON_SDK: sdk }, remove };
    const program = join(root, 'conformance', 'client', 'adapters', 'typescript.ts');
    return { command: `${process.execPath} ${program}`, env: {}, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
