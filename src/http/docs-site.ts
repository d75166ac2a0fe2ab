/** The documentation as files: a directory with pages, their Markdown, scripts and a style sheet. */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

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
};

interface Listing {
  readonly directory: string;
  /** Paths of the files, so that a request can name only these. */
  readonly paths: ReadonlySet<string>;
}

export class DocsSite {
  readonly #find: () => Promise<string | undefined>;
  readonly #onFault: (error: unknown) => void;
  #listing: Promise<Listing | undefined> | undefined;

  /**
   * @param find the directory; undefined for a contract without a site. Called once, when a page is first requested.
   * @param onFault called when the directory cannot be made or read; the site is then empty
   */
  constructor(find: () => Promise<string | undefined>, onFault: (error: unknown) => void) {
    this.#find = find;
    this.#onFault = onFault;
  }

  /** @param path below the root of the site. Undefined if there is no such file. */
  async file(path: string): Promise<SiteFile | undefined> {
    this.#listing ??= this.#list().catch((error: unknown) => {
      this.#onFault(error);
      return undefined;
    });
    const listing = await this.#listing;
    if (listing === undefined || !listing.paths.has(path)) return undefined;
    const bytes = await readFile(join(listing.directory, path));
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
    const files = entries.filter((entry) => entry.isFile());
    return {
      directory,
      paths: new Set(
        files.map(({ parentPath, name }) => relative(directory, join(parentPath, name)).replaceAll(sep, '/')),
      ),
    };
  }
}
