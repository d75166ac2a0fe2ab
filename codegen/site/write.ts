/** Writes a site into a directory. */
import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { dirname, join } from 'node:path';
import { makeDirectory, unwritable } from '../directory.ts';
import type { Site } from './site.ts';

/** @throws {OutputError} when the directory cannot be written */
export async function writeSite(site: Site, out: string): Promise<void> {
  await writeFiles(site, out);
}

/**
 * Writes each file compressed, with the ending `.gz` added to its name. The package of the gateway contains the site in
 * this form, because it takes only a third of the space.
 * @throws {OutputError} when the directory cannot be written
 */
export async function writeCompressedSite(site: Site, out: string): Promise<void> {
  const files = [...site].map(([path, text]) => [`${path}.gz`, gzipSync(text, { level: 9 })] as const);
  await writeFiles(new Map(files), out);
}

async function writeFiles(files: ReadonlyMap<string, string | Buffer>, out: string): Promise<void> {
  const directories = new Set([...files.keys()].map((path) => dirname(join(out, path))));
  for (const directory of directories) await makeDirectory(directory);
  for (const [path, content] of files)
    await writeFile(join(out, path), content).catch((error: unknown) => {
      throw unwritable(join(out, path), error);
    });
}
