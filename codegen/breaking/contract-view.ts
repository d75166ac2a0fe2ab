/**
 * One version of a contract, prepared for the comparison: maps from the names that are sent to operations, messages and events.
 */
import { fromPointer, toPointer } from '../source.ts';
import type { Origin } from '../source.ts';
import { CONNECTION } from '../raw.ts';
import { sideOf } from './change.ts';
import type { Side } from './change.ts';
import { isObject, objectAt, textAt, textsOf, valueAt } from './json.ts';
import type { JsonObject, Path } from './json.ts';
import { SchemaDocument } from './schema-document.ts';
import type { Place } from './schema-document.ts';

/** One version of a contract. */
export interface ContractVersion {
  /** The name of the file or Git revision, as the user gave it. */
  readonly name: string;
  readonly document: JsonObject;
  /** Where the author wrote the value at a path. Undefined if that is not known. */
  readonly originOf: (path: Path) => Origin | undefined;
}

/** Where a value is written. */
export interface Location {
  /** The file that contains the value, if the version consists of several files and this is not its main file. */
  readonly file?: string;
  /** JSON Pointer (RFC 6901) into that file; into the joined version if the file is not known. */
  readonly pointer: string;
  /** Line number in that file, from 1. */
  readonly line: number | undefined;
}

/** Where the value at a path of the joined version is written. */
export function locationOf({ name, originOf }: ContractVersion, path: Path): Location {
  const { file, path: own, line } = originOf(path) ?? { file: name, path, line: undefined };
  return { ...(file === name ? {} : { file }), pointer: toPointer(own), line };
}

export interface MessageView {
  readonly name: string;
  readonly path: Path;
  readonly raw: JsonObject;
  /** Values of the document that apply to the message unless it has its own. */
  readonly defaults: Readonly<Record<string, Side>>;
  readonly payload: Place;
}

export interface OperationView {
  readonly name: string;
  readonly kind: 'command' | 'push' | 'http';
  readonly path: Path;
  readonly raw: JsonObject;
  readonly channel: { readonly path: Path; readonly raw: JsonObject };
  readonly messages: readonly MessageView[];
  readonly replies: readonly MessageView[];
}

export interface EventView {
  /** The name in `data.event`; `*` stands for custom events. */
  readonly name: string;
  readonly message: MessageView;
  readonly replay: JsonObject;
  readonly filterable: Readonly<Record<string, readonly string[]>>;
  /** The schema of payloads that are published under this name. */
  readonly published: Place | undefined;
}

export class ContractView {
  readonly document: JsonObject;
  readonly schemas: SchemaDocument;
  readonly #defaults: Readonly<Record<string, Side>>;
  readonly operations: ReadonlyMap<string, OperationView>;
  readonly events: ReadonlyMap<string, EventView>;

  constructor({ document }: ContractVersion) {
    this.document = document;
    this.schemas = new SchemaDocument(document);
    this.#defaults = { contentType: sideOf({ schema: document, path: [] }, 'defaultContentType') };
    this.operations = new Map(
      Object.keys(objectAt(document, 'operations')).map((name) => [name, this.#operation(name)]),
    );
    this.events = new Map(this.#events().map((event) => [event.name, event]));
  }

  #operation(name: string): OperationView {
    const path = ['operations', name];
    const raw = objectAt(this.document, ...path);
    const channel = this.#follow(raw['channel'], [...path, 'channel']);
    const isConnection = channel.path.length === 2 && channel.path[1] === CONNECTION;
    return {
      name,
      kind: !isConnection ? 'http' : raw['action'] === 'send' ? 'push' : 'command',
      path,
      raw,
      channel,
      messages: this.#messages(raw['messages'], [...path, 'messages']),
      replies: this.#messages(valueAt(raw, ['reply', 'messages']), [...path, 'reply', 'messages']),
    };
  }

  #messages(list: unknown, path: Path): MessageView[] {
    return (Array.isArray(list) ? list : []).map((ref, index) => this.#message(ref, [...path, index]));
  }

  #message(ref: unknown, at: Path): MessageView {
    const { path, raw } = this.#follow(ref, at);
    const payload = this.schemas.at([...path, 'payload']) ?? { schema: true, path };
    return { name: String(path.at(-1)), path, raw, defaults: this.#defaults, payload };
  }

  /** Follows references to an object. */
  #follow(value: unknown, at: Path): { readonly path: Path; readonly raw: JsonObject } {
    let [path, raw] = [at, isObject(value) ? value : {}];
    for (let hops = 0; hops < 16; hops += 1) {
      const ref = textAt(raw, '$ref');
      if (ref === undefined || !ref.startsWith('#/')) break;
      path = fromPointer(ref.slice(1));
      raw = objectAt(this.document, ...path.map(String));
    }
    return { path, raw };
  }

  #events(): EventView[] {
    return Object.entries(objectAt(this.document, 'components', 'messages')).flatMap(([key, raw]) => {
      const name = textAt(raw, 'x-event');
      if (name === undefined) return [];
      const payload = textAt(raw, 'x-payload');
      return [
        {
          name,
          message: this.#message(raw, ['components', 'messages', key]),
          replay: objectAt(raw, 'x-replay'),
          filterable: Object.fromEntries(
            Object.entries(objectAt(raw, 'x-filterable')).map(([field, pointers]) => [field, textsOf(pointers)]),
          ),
          published: payload === undefined ? undefined : this.schemas.at(['components', 'schemas', payload]),
        },
      ];
    });
  }
}
