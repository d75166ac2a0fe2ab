/**
 * The files of the documentation: pages, their Markdown, scripts and a style sheet. A file may be stored compressed (`.gz`); it is
 * decompressed when it is served.
 */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

export interface SiteFile {
  readonly bytes: Buffer;
  readonly contentType: string;
  /** Strong entity tag (RFC 9110, 8.8.3). */
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html',
  md: 'text/markdown',
  txt: 'text/plain',
  css: 'text/css',
  js: 'text/javascript',
  json: 'application/json',
  svg: 'image/svg+xml',
};

const COMPRESSED = '.gz';
const decompress = promisify(gunzip);

interface Listing {
  readonly directory: string;
  /** The stored file for each path. A request can only name these paths, so it cannot read any other file. */
  readonly files: ReadonlyMap<string, string>;
}

export class DocsSite {
  readonly #find: () => Promise<string | undefined>;
  readonly #onFault: (error: unknown) => void;
  #listing: Promise<Listing | undefined> | undefined;

  /**
   * @param find returns the directory, or undefined if the contract has no site. Called once, when a page is first requested.
   * @param onFault called if the directory cannot be created or read. The site is then empty.
   */
  constructor(find: () => Promise<string | undefined>, onFault: (error: unknown) => void) {
    this.#find = find;
    this.#onFault = onFault;
  }

  /**
   * @param path path below the root of the site
   * @returns undefined if there is no such file
   */
  async file(path: string): Promise<SiteFile | undefined> {
    this.#listing ??= this.#list().catch((error: unknown) => {
      this.#onFault(error);
      return undefined;
    });
    const listing = await this.#listing;
    const file = listing?.files.get(path);
    if (listing === undefined || file === undefined) return undefined;
    const stored = await readFile(join(listing.directory, file));
    const bytes = file.endsWith(COMPRESSED) ? await decompress(stored) : stored;
    const type = TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
    return {
      bytes,
      contentType: `${type}; charset=utf-8`,
      etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`,
    };
  }

  async #list(): Promise<Listing | undefined> {
    const directory = await this.#find();
    if (directory === undefined) return undefined;
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(directory, join(parentPath, name)).replaceAll(sep, '/'));
    const nameOf = (path: string): string => (path.endsWith(COMPRESSED) ? path.slice(0, -COMPRESSED.length) : path);
    return { directory, files: new Map(paths.map((path) => [nameOf(path), path])) };
  }
}
