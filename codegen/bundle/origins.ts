/** Maps a place in a bundled contract to the file and place where its author wrote it. */
import { toPointer } from '../source.ts';
import type { Origin, Source } from '../source.ts';
import type { Place } from '../own-events/findings.ts';

/** For a pointer into the bundled contract, the place where the author wrote the value. */
export type Origins = ReadonlyMap<string, Place>;

/**
 * Makes the functions that find a value of a bundled contract in the files that the author wrote.
 * @param otherwise finds a value that comes from no other file
 */
export function originalPlaces(
  origins: Origins,
  otherwise: (path: readonly string[]) => Place | undefined,
): Required<Pick<Source, 'lineOf' | 'originOf'>> {
  const originOf = (path: readonly (string | number)[]): Origin | undefined => {
    const keys = path.map(String);
    const at = placeOf(origins, keys) ?? otherwise(keys);
    return at === undefined ? undefined : { file: at.source.file, path: at.path, line: at.source.lineOf(at.path) };
  };
  return { lineOf: (path) => originOf(path)?.line, originOf };
}

/** The original place of a value from another file. Undefined if no part that contains the value comes from another file. */
function placeOf(origins: Origins, path: readonly string[]): Place | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const origin = origins.get(toPointer(path.slice(0, length)));
    if (origin !== undefined) return { source: origin.source, path: [...origin.path, ...path.slice(length)] };
  }
  return undefined;
}
