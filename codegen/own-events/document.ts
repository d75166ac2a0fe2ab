/**
 * Reads an own-events document and checks the names and the form of its members. `merge.ts` compares the members with
 * the contract that the document extends.
 */
import { below, isObject, suggestion } from './findings.ts';
import type { Findings, Place } from './findings.ts';
import type { Source } from '../source.ts';

/** The key that distinguishes an own-events document from a whole contract. */
export const EXTENDS = 'x-extends';

/** An event of the document, with checked members. */
export interface OwnEvent {
  readonly name: string;
  readonly place: Place;
  readonly summary: string;
  readonly description: string | undefined;
  readonly payload: unknown;
  readonly replay: OwnReplay;
  readonly filterable: Readonly<Record<string, readonly string[]>>;
  readonly examples: readonly OwnExample[];
}

export interface OwnReplay {
  readonly policy: string;
  readonly key?: string;
  readonly keySpace?: string;
  readonly clears?: true;
}

export interface OwnExample {
  readonly name: string | undefined;
  readonly summary: string | undefined;
  readonly payload: unknown;
}

export interface OwnFilter {
  readonly kind: 'path' | 'extension' | 'exact';
  readonly description: string | undefined;
}

export interface OwnDocument {
  readonly source: Source;
  readonly title: string;
  readonly version: string;
  readonly description: string | undefined;
  /** The contract that the document extends: `tidemark`, a path relative to the document, or a URL. */
  readonly base: string;
  readonly events: readonly OwnEvent[];
  readonly filters: Readonly<Record<string, OwnFilter>>;
  readonly schemas: Readonly<Record<string, unknown>>;
}

const VERSIONS: readonly unknown[] = ['3.0.0', '3.1.0'];
const KINDS: readonly string[] = ['exact', 'path', 'extension'];
/** The replay policy of an event that declares none. It is the policy of custom events. */
const STANDARD_REPLAY: OwnReplay = { policy: 'latest' };

/** The allowed members of each part of the document. Other members describe the protocol, which cannot be changed. */
const MEMBERS = {
  document: ['asyncapi', 'id', 'info', EXTENDS, 'x-filters', 'components', 'defaultContentType'],
  info: [...['title', 'version', 'description', 'contact', 'license', 'termsOfService', 'tags', 'externalDocs']],
  components: ['messages', 'schemas'],
  event: ['name', 'title', 'summary', 'description', 'payload', 'examples', 'x-replay', 'x-filterable', 'contentType'],
  replay: ['policy', 'key', 'keySpace', 'clears'],
  filter: ['kind', 'description'],
  example: ['name', 'summary', 'payload'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export function isOwnEventsDocument(value: unknown): boolean {
  return isObject(value) && Object.hasOwn(value, EXTENDS);
}

/** Reads the valid parts of the document, and reports every invalid part as a finding. */
export function readDocument(source: Source, findings: Findings): OwnDocument {
  const reader = new Reader(findings);
  const top: Place = { source, path: [] };
  const document = reader.members(source.value, top, 'document') ?? {};
  const { asyncapi } = document;
  if (!VERSIONS.includes(asyncapi))
    findings.add(
      'asyncapi',
      asyncapi === undefined ? top : below(top, 'asyncapi'),
      `${asyncapi === undefined ? 'has no version' : `is ${JSON.stringify(asyncapi)}`}. Write asyncapi: 3.0.0.`,
    );
  const info = reader.members(document['info'], below(top, 'info'), 'info') ?? {};
  const components = reader.members(document['components'], below(top, 'components'), 'components') ?? {};
  const messages = reader.map(components['messages'], below(top, 'components', 'messages'));
  if (messages.length === 0)
    findings.add('event', below(top, 'components'), 'declare no event. Add an event under components.messages.');
  return {
    source,
    title: reader.text(info['title'], below(top, 'info', 'title')) ?? '',
    version: reader.text(info['version'], below(top, 'info', 'version')) ?? '',
    description: reader.optionalText(info['description'], below(top, 'info', 'description')),
    base: reader.text(document[EXTENDS], below(top, EXTENDS)) ?? '',
    events: messages.map(([name, value]) => reader.event(name, value, below(top, 'components', 'messages', name))),
    filters: reader.filters(document['x-filters'], below(top, 'x-filters')),
    schemas: Object.fromEntries(reader.map(components['schemas'], below(top, 'components', 'schemas'))),
  };
}

class Reader {
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** Reads an object that may have only the members of its kind. */
  members(value: unknown, place: Place, kind: keyof typeof MEMBERS): Readonly<Record<string, unknown>> | undefined {
    if (!isObject(value)) {
      this.#findings.add('shape', place, `${value === undefined ? 'is missing' : 'is not an object'}. ${FORM[kind]}`);
      return undefined;
    }
    const known: readonly string[] = MEMBERS[kind];
    for (const key of Object.keys(value)) {
      if (known.includes(key) || (kind !== 'replay' && kind !== 'filter' && isForeign(key))) continue;
      this.#findings.add('shape', below(place, key), `is not allowed here.${suggestion(key, known)} ${REMEDY[kind]}`);
    }
    return value;
  }

  map(value: unknown, place: Place): readonly (readonly [string, unknown])[] {
    if (value === undefined) return [];
    if (isObject(value)) return Object.entries(value);
    this.#findings.add('shape', place, 'is not an object. Write one entry per line, each under its name.');
    return [];
  }

  text(value: unknown, place: Place): string | undefined {
    if (typeof value === 'string' && value.trim() !== '') return value;
    const fault = value === undefined ? 'is missing. Add it.' : 'must be a non-empty string. Correct it.';
    this.#findings.add('shape', place, fault);
    return undefined;
  }

  optionalText(value: unknown, place: Place): string | undefined {
    return value === undefined ? undefined : this.text(value, place);
  }

  event(name: string, value: unknown, place: Place): OwnEvent {
    const event = this.members(value, place, 'event') ?? {};
    if (isObject(value) && event['payload'] === undefined)
      this.#findings.add('event-payload', below(place, 'payload'), 'is missing. Add a JSON Schema of an object.');
    if (event['name'] !== undefined && event['name'] !== name)
      this.#findings.add('event-name', below(place, 'name'), `is not ${name}. Remove it: the key is the event's name.`);
    return {
      name,
      place,
      summary: (isObject(value) ? this.text(event['summary'], below(place, 'summary')) : undefined) ?? '',
      description: this.optionalText(event['description'], below(place, 'description')),
      payload: event['payload'],
      replay: this.#replay(event['x-replay'], below(place, 'x-replay')),
      filterable: this.#filterable(event['x-filterable'], below(place, 'x-filterable')),
      examples: this.#examples(event['examples'], below(place, 'examples')),
    };
  }

  #replay(value: unknown, place: Place): OwnReplay {
    if (value === undefined) return STANDARD_REPLAY;
    const replay = this.members(value, place, 'replay');
    if (replay === undefined) return STANDARD_REPLAY;
    const policy = this.text(replay['policy'], below(place, 'policy')) ?? STANDARD_REPLAY.policy;
    const key = this.optionalText(replay['key'], below(place, 'key'));
    const keySpace = this.optionalText(replay['keySpace'], below(place, 'keySpace'));
    const { clears } = replay;
    if (clears !== undefined && clears !== true)
      this.#findings.add('event-replay', below(place, 'clears'), 'must be true. Correct it, or remove it.');
    return {
      policy,
      ...(key === undefined ? {} : { key }),
      ...(keySpace === undefined ? {} : { keySpace }),
      ...(clears === true ? { clears } : {}),
    };
  }

  #filterable(value: unknown, place: Place): Readonly<Record<string, readonly string[]>> {
    const entries = this.map(value, place).flatMap(([field, pointers]) => {
      if (Array.isArray(pointers) && pointers.length > 0 && pointers.every((each) => typeof each === 'string'))
        return [[field, pointers] as const];
      const example = typeof pointers === 'string' ? `[${pointers}]` : '[/payload/member]';
      this.#findings.add('event-filterable', below(place, field), `must be a list of pointers. Write ${example}.`);
      return [];
    });
    return Object.fromEntries(entries);
  }

  #examples(value: unknown, place: Place): readonly OwnExample[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.#findings.add('event-example', place, 'must be a list. Write - payload: { … } for each example.');
      return [];
    }
    return value.map((each: unknown, at) => {
      const here = below(place, String(at));
      const example = this.members(each, here, 'example') ?? {};
      if (isObject(each) && example['payload'] === undefined)
        this.#findings.add('event-example', here, 'has no payload. Add the payload of an example event.');
      return {
        name: this.optionalText(example['name'], below(here, 'name')),
        summary: this.optionalText(example['summary'], below(here, 'summary')),
        payload: example['payload'],
      };
    });
  }

  filters(value: unknown, place: Place): Readonly<Record<string, OwnFilter>> {
    const entries = this.map(value, place).flatMap(([field, declared]) => {
      const here = below(place, field);
      const filter = this.members(declared, here, 'filter');
      if (filter === undefined) return [];
      const kind = filter['kind'] ?? 'exact';
      if (typeof kind !== 'string' || !KINDS.includes(kind))
        this.#findings.add(
          'filter-kind',
          below(here, 'kind'),
          `is ${JSON.stringify(kind)}. Use one of ${KINDS.join(', ')}.${suggestion(typeof kind === 'string' ? kind : '', KINDS)}`,
        );
      const description = this.optionalText(filter['description'], below(here, 'description'));
      return [[field, { kind: kind as OwnFilter['kind'], description }] as const];
    });
    return Object.fromEntries(entries);
  }
}

/** Whether a key is an extension of another tool. These are allowed, but a misspelt extension of Tidemark is not. */
function isForeign(key: string): boolean {
  const ours = ['x-replay', 'x-filterable', 'x-filters', EXTENDS];
  return key.startsWith('x-') && suggestion(key, ours) === '' && !ours.includes(key);
}

const FORM: Readonly<Record<keyof typeof MEMBERS, string>> = {
  document: 'Write an AsyncAPI document that begins with asyncapi: 3.0.0.',
  info: 'Write info: { title: …, version: 1.0.0 }.',
  components: 'Write components: and, inside it, messages:.',
  event: 'Write summary: and payload: under the name of the event.',
  replay: 'Write x-replay: { policy: … }.',
  filter: 'Write { kind: exact }, { kind: path } or { kind: extension }.',
  example: 'Write payload: { … } in the example.',
};

const REMEDY: Readonly<Record<keyof typeof MEMBERS, string>> = {
  document: 'Remove it: channels, operations and servers are those of the contract that is extended.',
  info: 'Remove it.',
  components: 'Remove it: an own-events document declares messages and schemas.',
  event: `Remove it. An event has ${MEMBERS.event.filter((each) => each !== 'title' && each !== 'contentType').join(', ')}.`,
  replay: `Remove it. Known here: ${MEMBERS.replay.join(', ')}.`,
  filter: `Remove it. Known here: ${MEMBERS.filter.join(', ')}.`,
  example: `Remove it. Known here: ${MEMBERS.example.join(', ')}.`,
};
