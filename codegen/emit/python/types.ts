/**
 * Emits `types.py`: every schema of the contract as a type. Objects are `TypedDict`s, because `json.loads` returns dictionaries. An
 * anonymous schema is named after its place.
 */
import type { Contract, Schema } from '../../model.ts';
import { schemaName } from '../../model.ts';
import { typeName, typeNameOf } from '../../names.ts';
import { referencesOf } from '../parts.ts';
import { docstring, isMember, literal } from './names.ts';

const HEADER = `from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict, Union


`;

export function emitPythonTypes(contract: Contract, banner: string): string {
  const module = new TypesModule(contract);
  for (const [name, schema] of Object.entries(contract.schemas)) module.define(name, schema);
  const declared = contract.events.map(({ schema }) => typeNameOf(schema));
  const custom = typeNameOf(contract.customEvent.schema);
  return [
    `"""The types of all messages and payloads, one per schema of the contract.\n\n${banner}\n"""\n\n`,
    HEADER,
    module.text(),
    alias('DeclaredEvent', union(declared), '`data` of a declared event; its "event" is the name.'),
    alias('AnyEvent', union([...declared, custom]), '`data` of any event (EVT-4).'),
  ].join('');
}

function alias(name: string, type: string, text: string): string {
  return `#: ${docstring(text)}\n${name} = ${type}\n\n`;
}

function union(types: readonly string[]): string {
  const distinct = [...new Set(types)];
  return distinct.length === 1 ? (distinct[0] ?? 'object') : `Union[${distinct.join(', ')}]`;
}

class TypesModule {
  /** The classes. They come before the aliases: Python evaluates an alias at its definition, but not the types of a class's members. */
  readonly #classes: string[] = [];
  readonly #aliases = new Map<string, string>();
  readonly #used = new Set<string>();

  readonly #schemas: Contract['schemas'];
  /** True while a recursive alias is written: then recursive aliases are referred to in quotes, because they may not be defined yet. */
  #quoting = false;

  constructor(contract: Contract) {
    this.#schemas = contract.schemas;
    for (const name of Object.keys(contract.schemas)) this.#used.add(typeNameOf(name));
  }

  define(ofSchema: string, schema: Schema): void {
    const name = typeNameOf(ofSchema);
    if (isStructure(schema)) {
      this.#defineClass(name, schema);
      return;
    }
    this.#quoting = schema.$ref === undefined && this.#isRecursive(ofSchema);
    this.#aliases.set(name, this.#aliasText(name, schema));
    this.#quoting = false;
  }

  #isRecursive(name: string): boolean {
    const reached = new Set<string>();
    const visit = (from: string): void => {
      for (const next of referencesOf(this.#schemas[from] ?? {})) {
        if (reached.has(next)) continue;
        reached.add(next);
        visit(next);
      }
    };
    visit(name);
    return reached.has(name);
  }

  #reference(name: string): string {
    const isAlias = !isStructure(this.#schemas[name] ?? {});
    return this.#quoting && isAlias && this.#isRecursive(name) ? `"${typeNameOf(name)}"` : typeNameOf(name);
  }

  text(): string {
    return [...this.#classes, ...this.#orderedAliases()].join('\n');
  }

  #aliasText(name: string, schema: Schema): string {
    const text = schema.description === undefined ? '' : `#: ${docstring(schema.description)}\n`;
    return `${text}${name} = ${this.#type(schema, name)}\n`;
  }

  /** Sorts aliases so that each comes after the aliases that it names. */
  #orderedAliases(): readonly string[] {
    const done: string[] = [];
    const visited = new Set<string>();
    const visit = (name: string): void => {
      const text = this.#aliases.get(name);
      if (text === undefined || visited.has(name)) return;
      visited.add(name);
      const type = text.slice(text.lastIndexOf(`${name} = `)).replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
      for (const other of this.#aliases.keys())
        if (other !== name && new RegExp(`\\b${other}\\b`).test(type)) visit(other);
      done.push(text);
    };
    for (const name of this.#aliases.keys()) visit(name);
    return done;
  }

  #defineClass(name: string, schema: Schema): void {
    const required = new Set(schema.required ?? []);
    const members = Object.entries(schema.properties ?? {}).map(([key, member]) => {
      const type = this.#type(member, `${name}${typeName(key)}`);
      return { key, type: required.has(key) ? type : `NotRequired[${type}]`, description: member.description };
    });
    if (members.every(({ key }) => isMember(key))) {
      const lines = members.flatMap(({ key, type, description }) => [
        ...(description === undefined ? [] : [`    #: ${docstring(description)}`]),
        `    ${key}: ${type}`,
      ]);
      const text = schema.description === undefined ? [] : [`    """${docstring(schema.description)}"""`, ''];
      const body = [...text, ...lines];
      this.#classes.push(
        [`class ${name}(TypedDict):`, ...(body.length === 0 ? ['    pass'] : body), '', ''].join('\n'),
      );
      return;
    }
    // This form is for keys that cannot be members of a class. The types are quoted, because Python evaluates them at once.
    const entries = members.map(({ key, type }) => `    ${literal(key)}: ${literal(type)},`);
    this.#classes.push([`${name} = TypedDict(${literal(name)}, {`, ...entries, '})', '', ''].join('\n'));
  }

  /** The type of a schema. @param place name for an anonymous schema */
  #type(schema: Schema, place: string): string {
    if (schema.$ref !== undefined) return this.#reference(schemaName(schema.$ref));
    if (schema.const !== undefined) return literalType([schema.const]);
    if (schema.enum !== undefined) return literalType(schema.enum);
    const choices = schema.oneOf ?? schema.anyOf;
    if (choices !== undefined) return union(choices.map((each, at) => this.#type(each, `${place}${at + 1}`)));
    return this.#typeOfKind(schema, place);
  }

  #typeOfKind(schema: Schema, place: string): string {
    if (Array.isArray(schema.type)) return this.#typeOfKinds(schema, place);
    switch (schema.type) {
      case 'string':
        return 'str';
      case 'integer':
        return 'int';
      case 'number':
        return 'float';
      case 'boolean':
        return 'bool';
      case 'null':
        return 'None';
      case 'array':
        return `Sequence[${schema.items === undefined ? 'object' : this.#type(schema.items, `${place}Item`)}]`;
      case 'object':
        return this.#objectType(schema, place);
      default:
        return 'object';
    }
  }

  #typeOfKinds(schema: Schema, place: string): string {
    return union([schema.type ?? []].flat().map((type) => this.#typeOfKind({ ...schema, type }, place)));
  }

  #objectType(schema: Schema, place: string): string {
    if (isStructure(schema)) {
      const name = this.#unused(place);
      this.#defineClass(name, schema);
      return name;
    }
    const { additionalProperties } = schema;
    const value =
      typeof additionalProperties === 'object' ? this.#type(additionalProperties, `${place}Value`) : 'object';
    return `Mapping[str, ${value}]`;
  }

  #unused(place: string): string {
    let name = place;
    while (this.#used.has(name)) name += '_';
    this.#used.add(name);
    return name;
  }
}

/** Whether an object has declared members; any other object is a mapping. */
function isStructure(schema: Schema): boolean {
  return schema.$ref === undefined && schema.type === 'object' && Object.keys(schema.properties ?? {}).length > 0;
}

function literalType(values: readonly unknown[]): string {
  const simple = values.filter((value) => ['string', 'boolean'].includes(typeof value) || Number.isInteger(value));
  const literals = simple.map((value) =>
    typeof value === 'string'
      ? literal(value)
      : typeof value === 'boolean'
        ? value
          ? 'True'
          : 'False'
        : String(value),
  );
  const others = values.filter((value) => !simple.includes(value));
  const types = others.map((value) => (value === null ? 'None' : typeof value === 'number' ? 'float' : 'object'));
  return union([...(literals.length > 0 ? [`Literal[${literals.join(', ')}]`] : []), ...types]);
}
