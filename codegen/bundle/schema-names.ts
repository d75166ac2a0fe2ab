/** Makes names for schemas that have none in the contract. */
import { basename } from 'node:path';
import { typeName, typeNameOf } from '../names.ts';

/** `schemas/order-line.schema.json` → `order-line` */
export function stemOf(file: string): string {
  return basename(file).replace(/(?:\.schema)?\.(?:json|ya?ml)$/i, '');
}

/** @returns the first type name, made from one of the texts, that no schema has; undefined if there is none */
export function freeName(texts: readonly string[], taken: readonly string[]): string | undefined {
  const types = new Set(taken.map((name) => typeNameOf(name).toLowerCase()));
  return texts.map(typeName).find((name) => name !== '' && !types.has(typeNameOf(name).toLowerCase()));
}
