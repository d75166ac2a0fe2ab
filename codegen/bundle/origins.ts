/** Maps a place in a bundled contract to the file and place where its author wrote it. */
import { fromPointer, toPointer } from '../source.ts';
import type { Finding, Source } from '../source.ts';
import type { Place } from '../own-events/findings.ts';

/** For a pointer into the bundled contract, the place where the author wrote the value. */
export type Origins = ReadonlyMap<string, Place>;

/** The original place of a value from another file. Undefined if no part that contains the value comes from another file. */
export function placeOf(origins: Origins, path: readonly string[]): Place | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const origin = origins.get(toPointer(path.slice(0, length)));
    if (origin !== undefined) return { source: origin.source, path: [...origin.path, ...path.slice(length)] };
  }
  return undefined;
}

/** Maps findings about a bundled contract to the files and places that the author wrote. */
export function originalPlaces(
  origins: Origins,
  otherwise: (path: readonly string[]) => Place | undefined,
): Required<Pick<Source, 'lineOf' | 'fileOf' | 'relocate'>> {
  const find = (path: readonly (string | number)[]): Place | undefined => {
    const keys = path.map(String);
    return placeOf(origins, keys) ?? otherwise(keys);
  };
  return {
    lineOf: (path) => {
      const at = find(path);
      return at?.source.lineOf(at.path);
    },
    fileOf: (path) => find(path)?.source.file,
    relocate: (finding: Finding): Finding => {
      if (finding.file !== undefined) return finding;
      const at = find(fromPointer(finding.pointer));
      if (at === undefined) return { ...finding, line: undefined };
      const { source, path } = at;
      return { ...finding, file: source.file, pointer: toPointer(path), line: source.lineOf(path) };
    },
  };
}
