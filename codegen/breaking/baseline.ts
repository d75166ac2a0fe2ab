/** The older version of a contract, and how the files that it refers to are read: from the disk, from its Git revision, or not at all. */
import { join, relative } from 'node:path';
import { readFromDisk, readNothing, UnreadableFile } from '../files.ts';
import type { ReadFile } from '../files.ts';
import { sourceOf } from '../source.ts';
import type { Source } from '../source.ts';

/** The older version. If it has neither `file` nor `revision`, it must not refer to other files. */
export interface Baseline {
  /** The name of the older version in findings and messages. */
  readonly name: string;
  readonly text: string;
  /** The path of the older version, if it is a file. */
  readonly file?: string;
  /** The revision of Git that contains the older version. */
  readonly revision?: Revision;
}

/** A revision of Git. Paths in it begin at the top of the repository, such as `api/events.yaml`. */
export interface Revision {
  /** The path of the contract. */
  readonly path: string;
  /** @returns the name of a file in findings and messages, such as `v1:api/events.yaml` */
  readonly nameOf: (path: string) => string;
  /** @throws {Error} with the reason, without a period, if the revision has no such file */
  readonly readText: (path: string) => Promise<string>;
}

/** The directory in which the files of a revision seem to be. It has no meaning outside this module. */
const TOP = '/revision';

export function sourceOfBaseline({ name, text, file, revision }: Baseline): Source {
  const path = revision === undefined ? file : join(TOP, revision.path);
  return { ...sourceOf(name, text), ...(path === undefined ? {} : { path }) };
}

/** Makes the reader of the files that the older version refers to. */
export function readerOf({ file, revision }: Baseline): ReadFile {
  if (revision !== undefined) return (path) => readFromRevision(revision, path);
  return file === undefined ? readNothing : readFromDisk;
}

async function readFromRevision({ nameOf, readText }: Revision, path: string): Promise<Source> {
  const inside = relative(TOP, path);
  if (inside === '..' || inside.startsWith('../'))
    throw new UnreadableFile('which is outside the repository', 'Compare with a local file instead.');
  const text = await readText(inside).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnreadableFile(`which cannot be read: ${reason}`, 'Correct the path, or compare with another revision.', {
      cause: error,
    });
  });
  return { ...sourceOf(nameOf(inside), text), path };
}
