/** The functions of the schema comparison that the comparisons of objects and alternatives call. */
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
  /** @returns the changes from the schema `before` to the schema `after` */
  relate(before: Place, after: Place): Change[];
  /** Whether two schemas, and all schemas that they refer to, are equal except for annotations. */
  isSame(before: Place, after: Place): boolean;
}
