/**
 * The parts of the gateway's contract that the MCP server needs: event names, payload schemas, filter fields. The user's own events are
 * included.
 */
import { readFile, stat } from 'node:fs/promises';
import { loadContract } from '../../src/catalogue/built-contract.ts';
import { loadCodegen } from '../../src/cli/codegen.ts';
import { asCliError } from '../../src/cli/open-contract.ts';
import { selfContained } from './schema.ts';
import type { JsonSchema } from './schema.ts';

export interface EventKind {
  readonly name: string;
  readonly summary: string;
  readonly description: string | undefined;
  /** Self-contained JSON Schema of the payload. */
  readonly payload: JsonSchema;
  /** The filter fields that apply to the event. */
  readonly filters: readonly string[];
  /** The replay policy, which determines the past events that a new subscriber receives: `none`, `latest`, `latest-per-key` or `log`. */
  readonly replay: string;
  /** The kind of stream to which the event belongs (`x-stream`); undefined if it may be published on any stream. */
  readonly stream: 'session' | 'workspace' | undefined;
}

export interface Contract {
  readonly version: string;
  /** Declared events by name, in alphabetical order. */
  readonly events: ReadonlyMap<string, EventKind>;
  /** What the contract specifies for all events that it does not declare (EVT-4). */
  readonly custom: EventKind;
  /** The description of each filter field, by name. */
  readonly filters: ReadonlyMap<string, string>;
  /** The schema of the member `name` of the schema `schema`. @throws {Error} if the contract does not have this member */
  member(schema: string, name: string): JsonSchema;
  /** The given schema, together with all schemas of the contract to which it refers. */
  complete(schema: JsonSchema): JsonSchema;
}

/** The parts of the bundled contract that are read here. */
interface Bundle {
  readonly info: { readonly version: string };
  readonly components: {
    readonly messages: Readonly<Record<string, BundledMessage>>;
    readonly schemas: Readonly<Record<string, JsonSchema>>;
  };
  readonly 'x-filters': Readonly<Record<string, { readonly description: string }>>;
}

interface BundledMessage {
  readonly summary?: string;
  readonly description?: string;
  /** Name of the event; `*` stands for all events that are not declared. */
  readonly 'x-event'?: string;
  /** Name of the schema of the payload. */
  readonly 'x-payload'?: string;
  readonly 'x-filterable'?: Readonly<Record<string, unknown>>;
  readonly 'x-replay'?: { readonly policy: string };
  readonly 'x-stream'?: { readonly kind: 'session' | 'workspace' };
}

const CUSTOM = '*';
const STOCK = new URL('../../generated/contract.json', import.meta.url);

/**
 * @param path an own-events document, a contract, or the directory that `tidemark contract build` wrote; by default the
 * contract of this version
 * @throws {CliError} if the contract cannot be read or has findings
 */
export async function readContract(path: string | undefined): Promise<Contract> {
  if (path === undefined) return parse(JSON.parse(await readFile(STOCK, 'utf8')) as Bundle);
  try {
    if ((await stat(path)).isDirectory()) {
      // `loadContract` also checks that the directory is complete and was written by this version.
      const { location } = await loadContract(path);
      return parse(JSON.parse(await readFile(new URL('contract.json', location), 'utf8')) as Bundle);
    }
    const { openContract } = await loadCodegen('own-events/open', '--contract with a document');
    return parse((await openContract(path)).source.value as Bundle);
  } catch (error) {
    throw await asCliError(path, error);
  }
}

function parse(bundle: Bundle): Contract {
  const { messages, schemas } = bundle.components;
  const kinds = Object.values(messages).flatMap((message) => kindOf(message, schemas));
  const custom = kinds.find(({ name }) => name === CUSTOM);
  if (custom === undefined) throw new Error('The contract has no message for custom events (x-event: "*").');
  const declared = kinds.filter((kind) => kind !== custom).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    version: bundle.info.version,
    events: new Map(declared.map((kind) => [kind.name, kind])),
    custom,
    filters: new Map(Object.entries(bundle['x-filters']).map(([field, { description }]) => [field, description])),
    member: (schema, name) => memberOf(schemas[schema], name) ?? missing(`${schema}.${name}`),
    complete: (schema) => selfContained(schema, schemas),
  };
}

function memberOf(schema: JsonSchema | undefined, name: string): JsonSchema | undefined {
  return (schema?.['properties'] as Readonly<Record<string, JsonSchema>> | undefined)?.[name];
}

function missing(place: string): never {
  throw new Error(`The contract has no schema for ${place}.`);
}

function kindOf(message: BundledMessage, schemas: Readonly<Record<string, JsonSchema>>): readonly EventKind[] {
  const { 'x-event': name, 'x-payload': payload } = message;
  if (name === undefined || payload === undefined) return [];
  return [
    {
      name,
      summary: message.summary ?? name,
      description: message.description,
      payload: selfContained(schemas[payload] ?? {}, schemas),
      filters: Object.keys(message['x-filterable'] ?? {}),
      replay: message['x-replay']?.policy ?? 'none',
      stream: message['x-stream']?.kind,
    },
  ];
}
