/**
 * Loads a contract in its built form, which `tidemark contract build` writes. Reads the directory, checks that it is complete and that this
 * version can use it, and creates a catalogue from it.
 *
 * @module tidemark/contract
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PROTOCOL_VERSION } from '../../generated/protocol.ts';
import type { PayloadMap } from '../../generated/types.ts';
import type { Validator } from '../../generated/validators.js';
import type { Catalogue, EventSpec, FilterKind } from './catalogue.ts';
import type { ContractDocuments } from './documents.ts';

const FORMAT = 'tidemark-contract';
const FORMAT_VERSION = 1;
const BUILD = 'Build it again with this version: tidemark contract build.';
const CREATE = 'Create one: tidemark contract build FILE --out DIR.';

/** The export `contract` of `index.js` in a built form. The member `payloads` exists only as a type. */
export interface BuiltContract<Payloads = PayloadMap> {
  readonly formatVersion: number;
  readonly protocolVersion: string;
  readonly digest: string;
  /** URL of the module; the documents are in the same directory. */
  readonly location: string;
  readonly events: Readonly<Record<string, EventSpec>>;
  readonly customEvent: EventSpec;
  readonly filters: Readonly<Record<string, FilterKind>>;
  readonly commandValidators: Readonly<Record<string, Validator>>;
  readonly payloadValidators: Readonly<Record<string, Validator>>;
  readonly payloads?: Payloads;
}

/** Thrown if a directory is not a built contract, was changed after the build, or was built for another version. */
export class BuiltContractError extends Error {
  constructor(directory: string, fault: string, options: { readonly cause?: unknown } = {}) {
    super(`${directory} ${fault}`, options);
    this.name = 'BuiltContractError';
  }
}

interface Manifest {
  readonly format: unknown;
  readonly formatVersion: unknown;
  readonly protocolVersion: unknown;
  readonly digest: unknown;
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Reads and checks a built form.
 * @param directory the directory that `tidemark contract build --out` wrote
 * @throws {BuiltContractError} if a file is missing or was changed, or if the form was built for another version
 */
export async function loadContract(directory: string): Promise<BuiltContract> {
  const { digest, files } = await readManifest(directory);
  for (const [name, wanted] of Object.entries(files)) {
    const bytes = await readFile(join(directory, name)).catch((cause: unknown) => {
      throw new BuiltContractError(directory, `lacks ${name}, which its manifest names. ${BUILD}`, { cause });
    });
    if (sha256(bytes) !== wanted)
      throw new BuiltContractError(directory, `was changed after it was built: ${name} has another digest. ${BUILD}`);
  }
  if (digest !== files['contract.json'])
    throw new BuiltContractError(directory, `has a manifest for a different contract. ${BUILD}`);
  const module = (await import(pathToFileURL(resolve(directory, 'index.js')).href)) as {
    readonly contract: BuiltContract;
  };
  return module.contract;
}

async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, 'manifest.json');
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? 'is not valid JSON' : 'cannot be read';
    throw new BuiltContractError(directory, `is not a built contract: manifest.json ${reason}. ${CREATE}`, { cause });
  }
  const manifest = (typeof value === 'object' && value !== null ? value : {}) as Partial<Manifest>;
  const { format, formatVersion, protocolVersion, files } = manifest;
  if (format !== FORMAT || typeof files !== 'object')
    throw new BuiltContractError(
      directory,
      `is not a built contract: manifest.json has an unexpected format. ${CREATE}`,
    );
  if (formatVersion !== FORMAT_VERSION)
    throw new BuiltContractError(
      directory,
      `has format ${String(formatVersion)}; this version reads ${FORMAT_VERSION}. ${BUILD}`,
    );
  checkProtocol(directory, protocolVersion);
  return manifest as Manifest;
}

function checkProtocol(directory: string, version: unknown): void {
  if (version === PROTOCOL_VERSION) return;
  throw new BuiltContractError(
    directory,
    `was built for protocol ${String(version)}; this gateway implements ${PROTOCOL_VERSION}. ${BUILD}`,
  );
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Creates the catalogue of a built contract. @throws {BuiltContractError} if another version of Tidemark built the contract */
export function catalogueOf(contract: BuiltContract<unknown>): Catalogue {
  const { events, customEvent, filters, digest, location, payloadValidators, commandValidators } = contract;
  const directory = fileURLToPath(new URL('.', location));
  if (contract.formatVersion !== FORMAT_VERSION)
    throw new BuiltContractError(
      directory,
      `has format ${String(contract.formatVersion)}; this version reads ${FORMAT_VERSION}. ${BUILD}`,
    );
  checkProtocol(directory, contract.protocolVersion);
  return {
    digest,
    events: new Map(
      Object.entries(events).map(([name, spec]) => {
        const fits = payloadValidators[name];
        if (fits === undefined) throw new BuiltContractError(directory, `has no validator for ${name}. ${BUILD}`);
        return [name, { ...spec, fits }];
      }),
    ),
    custom: customEvent,
    filters: new Map(Object.entries(filters)),
    // All commands are present, because the protocol version was checked above.
    commands: commandValidators,
    documents: () => readDocuments(directory),
  };
}

function readDocuments(directory: string): ContractDocuments {
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  return {
    asyncapi: read('asyncapi.yaml'),
    bundle: read('contract.json'),
    docs: read('docs.html'),
    ...(existsSync(join(directory, 'docs.md')) ? { docsText: read('docs.md') } : {}),
    site: () => Promise.resolve(existsSync(join(directory, 'docs')) ? join(directory, 'docs') : undefined),
  };
}
