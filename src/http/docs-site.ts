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

/** The form of the paths of all files of the site. The group is the extension. */
const PATH = new RegExp(`^(?:[\\w-]+/)*[\\w.-]+\\.(${Object.keys(TYPES).join('|')})$`);

const COMPRESSED = '.gz';
const decompress = promisify(gunzip);

interface Stored {
  /** The file in the directory. */
  readonly file: string;
  readonly contentType: string;
  /** The entity tag of the file; undefined until the file is first read. */
  etag: string | undefined;
}

interface Listing {
  readonly directory: string;
  /** The stored file for each path. A request can only name these paths, so it cannot read any other file. */
  readonly files: ReadonlyMap<string, Stored>;
}

/** The path of a file of the site, and how it is stored. @throws {Error} if no request can name the file */
function storedFile(file: string): readonly [string, Stored] {
  const path = file.endsWith(COMPRESSED) ? file.slice(0, -COMPRESSED.length) : file;
  const type = TYPES[PATH.exec(path)?.[1] ?? ''];
  if (type === undefined)
    throw new Error(`The file ${file} of the documentation cannot be served: its path must match ${PATH.source}.`);
  return [path, { file, contentType: `${type}; charset=utf-8`, etag: undefined }];
}

export class DocsSite {
  readonly #find: () => Promise<string | undefined>;
  readonly #onFault: (error: unknown) => void;
  #listing: Promise<Listing | undefined> | undefined;
  #found: Listing | undefined;

  /**
   * @param find returns the directory, or undefined if the contract has no site. Called when a page is first requested, and again after the
   *   directory was deleted.
   * @param onFault called if the directory cannot be created or read. The site is then empty.
   */
  constructor(find: () => Promise<string | undefined>, onFault: (error: unknown) => void) {
    this.#find = find;
    this.#onFault = onFault;
  }

  /** The entity tag of a file, if the file was read before. A 304 response needs nothing else. */
  etagOf(path: string): string | undefined {
    return this.#found?.files.get(path)?.etag;
  }

  /**
   * Reads a file of the site.
   * @param path path of the file, relative to the root of the site
   * @returns undefined if the site has no such file
   */
  async file(path: string): Promise<SiteFile | undefined> {
    // No file can have such a path, so the directory is not read. In a clone, reading it for the first time renders the site, which takes
    // seconds.
    if (!PATH.test(path)) return undefined;
    const listing = (this.#listing ??= this.#list());
    try {
      return await this.#read(path, await listing);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      // In a clone, the directory is a cache, which may have been deleted while the gateway runs. Then it is created again, unless another
      // request has already started this.
      if (this.#listing === listing) this.#listing = this.#list();
      return this.#read(path, await this.#listing);
    }
  }

  async #read(path: string, listing: Listing | undefined): Promise<SiteFile | undefined> {
    this.#found = listing;
    const stored = listing?.files.get(path);
    if (listing === undefined || stored === undefined) return undefined;
    const content = await readFile(join(listing.directory, stored.file));
    const bytes = stored.file.endsWith(COMPRESSED) ? await decompress(content) : content;
    stored.etag ??= `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`;
    return { bytes, contentType: stored.contentType, etag: stored.etag };
  }

  #list(): Promise<Listing | undefined> {
    return this.#findFiles().catch((error: unknown) => {
      this.#onFault(error);
      return undefined;
    });
  }

  async #findFiles(): Promise<Listing | undefined> {
    const directory = await this.#find();
    if (directory === undefined) return undefined;
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(directory, join(parentPath, name)).replaceAll(sep, '/'));
    return { directory, files: new Map(paths.map(storedFile)) };
  }
}
