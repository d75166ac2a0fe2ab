/**
 * Writes the built form of a contract: a directory with everything that a gateway needs, so that nothing is generated
 * in production. `manifest.json` contains the format version and the SHA-256 of each file. The gateway checks both
 * (src/catalogue/).
 *
 *     manifest.json    format, digests
 *     index.js .d.ts   the contract as a value, for `createGateway({ contract })`; its type includes the payloads
 *     validators.js    compiled checks of commands and payloads
 *     types.d.ts       types of the payloads and messages
 *     contract.json    the whole contract, canonical: its SHA-256 is the contract's digest
 *     asyncapi.yaml    the same as an AsyncAPI document, which the gateway serves
 *     docs.html .md    the reference as one page and as Markdown, which the gateway serves
 *     docs/            the documentation as a site, which the gateway serves
 */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectory, unwritable } from '../directory.ts';
import { emitReferencePage } from '../emit/reference/page.ts';
import { emitReferenceText } from '../emit/reference/text.ts';
import { banner, key, literal } from '../emit/text.ts';
import { emitTypes } from '../emit/types.ts';
import { emitValidators } from '../emit/validators.ts';
import type { Contract } from '../model.ts';
import { buildSite } from '../site/site.ts';
import type { OpenedContract } from './open.ts';

const BUILT_FORMAT = 'tidemark-contract';
/** Must be increased when an older gateway could not read the files. */
const BUILT_FORMAT_VERSION = 1;

export interface BuiltForm {
  readonly digest: string;
  /** Names of the files. */
  readonly files: readonly string[];
}

/**
 * @param out a directory, which is created if it does not exist
 * @throws {OutputError} when the directory cannot be written
 */
export async function buildTo(opened: OpenedContract, out: string): Promise<BuiltForm> {
  const files = await builtFiles(opened);
  for (const directory of new Set([...files.keys()].map((name) => dirname(join(out, name)))))
    await makeDirectory(directory);
  for (const [name, text] of files) {
    const path = join(out, name);
    await writeFile(path, text).catch((error: unknown) => {
      throw unwritable(path, error);
    });
  }
  return { digest: opened.contract.digest, files: [...files.keys()] };
}

async function builtFiles({ contract, source, own }: OpenedContract): Promise<ReadonlyMap<string, string>> {
  const { code, types } = emitValidators(contract);
  const files = new Map([
    [
      'asyncapi.yaml',
      own === undefined
        ? source.text
        : `# ${own.title} ${own.version}, merged with the contract that it extends.\n${source.text}`,
    ],
    ['contract.json', contract.bundle],
    ['docs.html', emitReferencePage(contract)],
    ['docs.md', emitReferenceText(contract)],
    ['index.d.ts', emitDeclaration()],
    ['index.js', emitModule(contract)],
    ['types.d.ts', await emitTypes(contract)],
    ['validators.d.ts', types],
    ['validators.js', code],
    ...[...buildSite(contract)].map(([path, text]): [string, string] => [`docs/${path}`, text]),
  ]);
  const digests = Object.fromEntries([...files].map(([name, text]) => [name, sha256(text)]));
  const manifest = {
    format: BUILT_FORMAT,
    formatVersion: BUILT_FORMAT_VERSION,
    title: own?.title ?? contract.title,
    version: own?.version ?? contract.version,
    protocolVersion: contract.version,
    digest: contract.digest,
    events: contract.events.map(({ name }) => name),
    files: digests,
  };
  return new Map([['manifest.json', `${JSON.stringify(manifest, undefined, 2)}\n`], ...files]);
}

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function emitModule({ events, customEvent, filters, version, digest }: Contract): string {
  const spec = ({ replay, filterable, enumerated, stream }: Contract['customEvent']): string =>
    literal({
      replay: { policy: replay.policy, key: replay.key, keySpace: replay.keySpace, clears: replay.clears },
      filterable,
      enumerated,
      stream,
    });
  return `${banner('A contract as a value.')}
import { commandValidators, payloadValidators } from './validators.js';

export const contract = {
  formatVersion: ${BUILT_FORMAT_VERSION},
  protocolVersion: ${literal(version)},
  digest: ${literal(digest)},
  location: import.meta.url,
  events: {
${events.map((event) => `    ${key(event.name)}: ${spec(event)},\n`).join('')}  },
  customEvent: ${spec(customEvent)},
  filters: {
${Object.entries(filters)
  .map(([field, { kind }]) => `    ${key(field)}: ${literal(kind)},\n`)
  .join('')}  },
  commandValidators,
  payloadValidators,
};
`;
}

/** The declaration contains the complete type of the value, so that the directory needs no other package. */
function emitDeclaration(): string {
  return `${banner('A contract as a value.')}
import type { PayloadMap } from './types.d.ts';
import type { Validator } from './validators.js';

export type { PayloadMap } from './types.d.ts';

interface EventSpec {
  readonly replay: {
    readonly policy: 'none' | 'latest' | 'latest-per-key' | 'log';
    readonly key?: string;
    readonly keySpace?: string;
    readonly clears?: true;
  };
  readonly filterable: Readonly<Record<string, readonly string[]>>;
  readonly enumerated?: Readonly<Record<string, readonly string[]>>;
  readonly stream?: { readonly kind: 'session' | 'workspace'; readonly id: string };
}

/** The contract, to be passed to \`createGateway({ contract })\` of the package tidemark. */
export declare const contract: {
  readonly formatVersion: number;
  readonly protocolVersion: string;
  readonly digest: string;
  /** URL of this module; the documents that the gateway serves are in the same directory. */
  readonly location: string;
  readonly events: Readonly<Record<string, EventSpec>>;
  readonly customEvent: EventSpec;
  readonly filters: Readonly<Record<string, 'path' | 'extension' | 'exact'>>;
  readonly commandValidators: Readonly<Record<string, Validator>>;
  readonly payloadValidators: Readonly<Record<string, Validator>>;
  /** Always absent at run time. Only its type is used: it contains the types of the payloads. */
  readonly payloads?: PayloadMap;
};
`;
}
