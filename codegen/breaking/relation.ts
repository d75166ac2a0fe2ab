/** What the comparisons of objects and alternatives need of the comparison of whole schemas. */
import type { Change } from './change.ts';
import type { JsonObject } from './json.ts';
import type { Place, SchemaDocument } from './schema-document.ts';

export type ObjectPlace = Place & { readonly schema: JsonObject };

export interface PlacePair {
  readonly was: ObjectPlace;
  readonly now: ObjectPlace;
}

export interface Relation {
  readonly was: SchemaDocument;
  readonly now: SchemaDocument;
  /** What changed from one schema to the other. */
  relate(before: Place, after: Place): Change[];
  /** Equal apart from annotations, references included. */
  isSame(before: Place, after: Place): boolean;
}
