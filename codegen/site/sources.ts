/**
 * The sources of the documentation besides the contract: the Markdown pages of `docs/`, their charts, and the tapes of
 * the conformance suite. In a clone they are read from the repository. The package contains them in one file, which the
 * build writes.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Tape {
  /** Folder and name of the tape, such as `subscribe/defaults`. */
  readonly id: string;
  readonly why: string;
  readonly clauses: readonly string[];
  /** The steps, one line of JSON each. */
  readonly steps: readonly string[];
}

export interface SiteSources {
  /** The Markdown of each page, by its path below `docs/`. */
  readonly guides: Readonly<Record<string, string>>;
  /** The charts of the guides, as SVG, by their path below `docs/`. */
  readonly figures: Readonly<Record<string, string>>;
  readonly tapes: readonly Tape[];
}

const PACKED = new URL('sources.json', import.meta.url);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export function readSources(): SiteSources {
  return existsSync(PACKED) ? (JSON.parse(readFileSync(PACKED, 'utf8')) as SiteSources) : readRepository(ROOT);
}

/** @param root directory of the clone */
export function readRepository(root: string): SiteSources {
  const read = (path: string): string => readFileSync(`${root}/${path}`, 'utf8');
  const contentsOf = (paths: readonly string[]): Record<string, string> =>
    Object.fromEntries(paths.map((path) => [path.slice('docs/'.length), read(path)]));
  // The reference is left out, because it is made from the contract.
  const guides = globSync('docs/**/*.md', { cwd: root, exclude: ['docs/reference/**'] }).toSorted();
  const figures = globSync('docs/**/*.svg', { cwd: root }).toSorted();
  const tapes = globSync('conformance/tapes/**/*.ndjson', { cwd: root }).toSorted();
  return {
    guides: contentsOf(guides),
    figures: contentsOf(figures),
    tapes: tapes.map((path) => tapeOf(read(path))).filter((tape) => tape !== undefined),
  };
}

/** Reads a tape. Undefined if the file does not begin with the header of a tape. */
function tapeOf(text: string): Tape | undefined {
  const [head = '', ...steps] = text.trim().split('\n');
  const { id, why, clauses } = JSON.parse(head) as Partial<Tape>;
  return id === undefined ? undefined : { id, why: why ?? '', clauses: clauses ?? [], steps };
}
