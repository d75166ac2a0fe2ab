/** Writes a site into a directory. */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectory, unwritable } from '../directory.ts';
import type { Site } from './site.ts';

/** @throws {OutputError} when the directory cannot be written */
export async function writeSite(site: Site, out: string): Promise<void> {
  const directories = new Set([...site.keys()].map((path) => dirname(join(out, path))));
  for (const directory of directories) await makeDirectory(directory);
  for (const [path, text] of site)
    await writeFile(join(out, path), text).catch((error: unknown) => {
      throw unwritable(join(out, path), error);
    });
}
