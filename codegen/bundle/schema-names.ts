/** Makes names for schemas that have none in the contract. */
import { basename } from 'node:path';
import { typeName, typeNameOf } from '../names.ts';

/** The name of a file without directory and extensions: `order-line` for `schemas/order-line.schema.json`. */
export function stemOf(file: string): string {
  return basename(file).replace(/(?:\.schema)?\.(?:json|ya?ml)$/i, '');
}

/** @returns a type name made from the first text whose name no schema has yet; undefined if all names are taken */
export function freeName(texts: readonly string[], taken: readonly string[]): string | undefined {
  const types = new Set(taken.map((name) => typeNameOf(name).toLowerCase()));
  return texts.map(typeName).find((name) => name !== '' && !types.has(typeNameOf(name).toLowerCase()));
}
