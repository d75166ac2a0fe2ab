/** Walks through a contract, and replaces references to other files by names in `components` or by copies. */
import { below, isObject } from '../own-events/findings.ts';
import type { Findings, Place } from '../own-events/findings.ts';
import { pathOf, toPointer } from '../source.ts';
import type { Source } from '../source.ts';
import { keyOf } from './documents.ts';
import type { Documents, Target } from './documents.ts';
import { DROPPED, memberKind } from './grammar.ts';
import type { Kind } from './grammar.ts';
import { freeName, stemOf } from './schema-names.ts';

const SCHEMAS = '#/components/schemas/';
/**
 * The maximum number of values in a contract after its references were replaced by copies. The stock contract has about
 * 20,000.
 */
const MOST_VALUES = 500_000;

/** The place where a value was written, and its place in the bundled contract. */
interface Position {
  readonly place: Place;
  readonly path: readonly string[];
  /** The parts that contain this one and are still being copied, to detect circular references. */
  readonly trail: readonly string[];
}

type Members = Readonly<Record<string, unknown>>;

export class Bundler {
  readonly #main: Source;
  readonly #findings: Findings;
  readonly #documents: Documents;
  /** The name of each named schema, by its place. */
  readonly #schemaNames = new Map<string, string>();
  /** Where each copied part is in the bundled contract, by the place of the original. */
  readonly #moved = new Map<string, readonly string[]>();
  readonly #links: { readonly object: { $ref: string }; readonly place: Place }[] = [];
  readonly #schemas = new Map<string, unknown>();
  readonly #messages = new Map<string, unknown>();
  readonly origins = new Map<string, Place>();
  changed = false;
  #values = 0;

  constructor(main: Source, documents: Documents, findings: Findings) {
    this.#main = main;
    this.#documents = documents;
    this.#findings = findings;
  }

  get files(): readonly string[] {
    return this.#documents.files;
  }

  async run(): Promise<unknown> {
    const { value } = this.#main;
    if (!isObject(value)) return value;
    await this.#claimNames();
    const walked = (await this.#walk(value, 'document', this.#here([]))) as Members;
    for (const link of this.#links) await this.#settle(link);
    if (this.#schemas.size === 0 && this.#messages.size === 0) return walked;
    const components = isObject(walked['components']) ? walked['components'] : {};
    return {
      ...walked,
      components: {
        ...components,
        messages: { ...own(components, 'messages'), ...Object.fromEntries(this.#messages) },
        schemas: { ...own(components, 'schemas'), ...Object.fromEntries(this.#schemas) },
      },
    };
  }

  #here(path: readonly string[]): Position {
    return { place: { source: this.#main, path }, path, trail: [] };
  }

  /**
   * Collects the names that `components` gives to parts of other files. Such a part has this name at every reference.
   */
  async #claimNames(): Promise<void> {
    for (const [name, schema] of Object.entries(this.#declared('schemas'))) {
      const { place } = this.#here(['components', 'schemas', name]);
      const target =
        isObject(schema) && isForeign(schema['$ref']) ? await this.#documents.follow(schema, place) : undefined;
      const key = target === undefined ? undefined : keyOf(target.place);
      if (key !== undefined && !this.#schemaNames.has(key)) this.#schemaNames.set(key, name);
    }
    for (const [name, message] of Object.entries(this.#declared('messages'))) {
      const { place, path } = this.#here(['components', 'messages', name]);
      const ref = isObject(message) ? message['$ref'] : undefined;
      const target = isForeign(ref) ? await this.#documents.locate(ref, place) : undefined;
      if (target !== undefined) this.#moveTo(target, path, []);
    }
  }

  #declared(kind: 'messages' | 'schemas'): Members {
    const { value } = this.#main;
    return isObject(value) ? own(own(value, 'components'), kind) : {};
  }

  async #walk(value: unknown, kind: Kind, at: Position): Promise<unknown> {
    if (kind === 'data' || typeof value !== 'object' || value === null) return value;
    this.#values += 1;
    if (this.#values > MOST_VALUES) return this.#refuseSize(at);
    if (Array.isArray(value)) return this.#walkList(value, kind, at);
    const object = value as Members;
    const { $ref } = object;
    switch (kind) {
      case 'schema':
      case 'namedSchema':
      case 'payload':
        return this.#schema(object, kind, at);
      case 'link':
        return typeof $ref === 'string' ? this.#link($ref, at) : value;
      case 'channelMessage':
        return this.#channelMessage(object, at);
      default:
        return typeof $ref === 'string' ? this.#copy(object, kind, at) : this.#members(object, kind, at);
    }
  }

  #refuseSize({ place }: Position): unknown {
    if (this.#values === MOST_VALUES + 1)
      this.#findings.add(
        'reference',
        place,
        `makes the contract larger than ${MOST_VALUES} values after references are resolved. Use fewer references, or refer to smaller parts.`,
      );
    return {};
  }

  async #walkList(list: readonly unknown[], kind: Kind, at: Position): Promise<unknown[]> {
    const walked: unknown[] = [];
    for (const [index, each] of list.entries()) walked.push(await this.#walk(each, kind, down(at, String(index))));
    return walked;
  }

  async #members(object: Members, kind: Kind, at: Position): Promise<Members> {
    const isForeignSchema = at.place.source !== this.#main && isSchema(kind);
    const walked: [string, unknown][] = [];
    for (const [name, member] of Object.entries(object)) {
      if (isForeignSchema && DROPPED.has(name)) continue;
      const inside = memberKind(kind, name);
      walked.push([
        name,
        typeof inside === 'string'
          ? await this.#walk(member, inside, down(at, name))
          : await this.#each(member, inside.each, down(at, name)),
      ]);
    }
    return Object.fromEntries(walked);
  }

  async #each(members: unknown, kind: Kind, at: Position): Promise<unknown> {
    if (!isObject(members)) return this.#walk(members, kind, at);
    const walked: [string, unknown][] = [];
    for (const [name, member] of Object.entries(members))
      walked.push([name, await this.#walk(member, kind, down(at, name))]);
    return Object.fromEntries(walked);
  }

  /** Copies a part that is neither a schema nor a message: a tag, a channel, a parameter, a security scheme. */
  async #copy(object: Members, kind: Kind, at: Position): Promise<unknown> {
    const ref = String(object['$ref']);
    if (at.place.source === this.#main && !isForeign(ref)) return object;
    const target = await this.#documents.locate(ref, at.place);
    if (target === undefined) return {};
    this.changed = true;
    if (target.place.source === this.#main) return { $ref: `#${toPointer(target.place.path)}` };
    const key = keyOf(target.place);
    if (at.trail.includes(key)) {
      this.#findings.add(
        'reference',
        below(at.place, '$ref'),
        `refers to ${ref}, which leads back to this reference. Replace one of these references with a value.`,
      );
      return {};
    }
    return this.#walk(target.value, kind, this.#moveTo(target, at.path, [...at.trail, key]));
  }

  #moveTo({ place }: Target, path: readonly string[], trail: readonly string[]): Position {
    const key = keyOf(place);
    if (!this.#moved.has(key)) this.#moved.set(key, path);
    this.origins.set(toPointer(path), place);
    return { place, path, trail };
  }

  async #channelMessage(object: Members, at: Position): Promise<unknown> {
    const name = at.path.at(-1) ?? '';
    const { $ref } = object;
    if (typeof $ref !== 'string') return this.#newMessage(name, { value: object, place: at.place }, at);
    if (at.place.source === this.#main && !isForeign($ref)) return object;
    const target = await this.#documents.locate($ref, at.place);
    if (target === undefined) return {};
    this.changed = true;
    if (target.place.source === this.#main) return { $ref: `#${toPointer(target.place.path)}` };
    const known = this.#moved.get(keyOf(target.place));
    return known === undefined ? this.#newMessage(name, target, at) : { $ref: `#${toPointer(known)}` };
  }

  /** Moves a message from a channel or another file to `components`. */
  async #newMessage(name: string, target: Target, at: Position): Promise<{ readonly $ref: string }> {
    this.changed = true;
    if (Object.hasOwn(this.#declared('messages'), name) || this.#messages.has(name))
      this.#findings.add(
        'message-name',
        at.place,
        `is a second message named ${name}. Refer to #/components/messages/${name}, or rename one of them.`,
      );
    const path = ['components', 'messages', name];
    this.#messages.set(name, {});
    this.#messages.set(name, await this.#walk(target.value, 'message', this.#moveTo(target, path, at.trail)));
    return { $ref: `#${toPointer(path)}` };
  }

  #link($ref: string, at: Position): { readonly $ref: string } {
    const object = { $ref };
    if (at.place.source !== this.#main || isForeign($ref)) this.#links.push({ object, place: at.place });
    return object;
  }

  /** Changes links to copied parts so that they point to the copies. Called when all copies have their places. */
  async #settle({ object, place }: { readonly object: { $ref: string }; readonly place: Place }): Promise<void> {
    const { $ref } = object;
    const target = await this.#documents.locate($ref, place);
    if (target === undefined) return;
    this.changed = true;
    const { source, path } = target.place;
    for (let length = path.length; length >= 0; length -= 1) {
      const moved =
        source === this.#main ? path.slice(0, length) : this.#moved.get(keyOf({ source, path: path.slice(0, length) }));
      if (moved === undefined) continue;
      object.$ref = `#${toPointer([...moved, ...path.slice(length)])}`;
      return;
    }
    this.#findings.add(
      'reference',
      below(place, '$ref'),
      `refers to ${$ref}, which is not part of this contract. Add a reference to it under "channels" first.`,
    );
  }

  async #schema(object: Members, kind: Kind, at: Position): Promise<unknown> {
    const { $ref } = object;
    const name = at.path.at(-1) ?? '';
    if (typeof $ref === 'string') {
      if (at.place.source === this.#main && isNamedSchema($ref)) return object;
      const target = await this.#documents.follow(object, at.place);
      if (target === undefined) return {};
      this.changed = true;
      const isThis = kind === 'namedSchema' && this.#schemaNames.get(keyOf(target.place)) === name;
      if (!isThis) return { $ref: `${SCHEMAS}${await this.#nameOf(target)}` };
      return this.#schemaBody(target.value, this.#moveTo(target, at.path, []));
    }
    if (kind !== 'payload') return this.#schemaBody(object, at);
    const message = at.path.at(-2) ?? '';
    return { $ref: `${SCHEMAS}${await this.#register(`${message}_message`, { value: object, place: at.place })}` };
  }

  async #schemaBody(value: unknown, at: Position): Promise<unknown> {
    if (!isObject(value) || !Object.hasOwn(value, 'schemaFormat'))
      return isObject(value) ? this.#members(value, 'schema', at) : value;
    this.changed = true;
    const format = String(value['schemaFormat']);
    if (/^application\/(?:vnd\.aai\.asyncapi|schema)[+;]/.test(format))
      return this.#walk(value['schema'], 'schema', { ...down(at, 'schema'), path: at.path });
    const text = `has the schema format ${format}, which is not supported. Write this schema as JSON Schema instead.`;
    this.#findings.add('schema-format', below(at.place, 'schemaFormat'), text);
    return {};
  }

  async #nameOf(target: Target): Promise<string> {
    const { source, path } = target.place;
    const isNamed = source === this.#main && path.length === 3 && isNamedSchema(`#${toPointer(path)}`);
    const known = isNamed ? path[2] : this.#schemaNames.get(keyOf(target.place));
    return known ?? this.#register(path.at(-1) ?? stemOf(pathOf(source)), target);
  }

  async #register(wanted: string, target: Target): Promise<string> {
    const { place } = target;
    const taken = [...Object.keys(this.#declared('schemas')), ...this.#schemas.keys()];
    const name = freeName([wanted, `${stemOf(pathOf(place.source))} ${wanted}`], taken);
    if (name === undefined) {
      const text = `would become the schema ${wanted}, but this name is not a possible type name, or another schema already has it. Rename this schema.`;
      this.#findings.add('schema-name', place, text);
      return wanted;
    }
    this.changed = true;
    this.#schemaNames.set(keyOf(place), name);
    // Add a placeholder first, because the schema may refer to itself.
    this.#schemas.set(name, {});
    const position = this.#moveTo(target, ['components', 'schemas', name], []);
    this.#schemas.set(name, await this.#schemaBody(target.value, position));
    return name;
  }
}

function down({ place, path, trail }: Position, key: string): Position {
  return { place: below(place, key), path: [...path, key], trail };
}

function own(object: Members, name: string): Members {
  const member = Object.hasOwn(object, name) ? object[name] : undefined;
  return isObject(member) ? member : {};
}

function isForeign(ref: unknown): ref is string {
  return typeof ref === 'string' && !ref.startsWith('#');
}

/** A reference to a named schema, as the house rules require. */
function isNamedSchema(ref: string): boolean {
  return ref.startsWith(SCHEMAS) && !ref.slice(SCHEMAS.length).includes('/');
}

function isSchema(kind: Kind): boolean {
  return kind === 'schema' || kind === 'namedSchema' || kind === 'payload';
}
