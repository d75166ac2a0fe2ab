/** The five packages of this repository, as npm would publish them. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { run } from './processes.ts';
import { ROOT } from './ci-counts.ts';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly homepage: string;
  readonly bugs: { readonly url: string };
  readonly repository: { readonly url: string };
  readonly keywords: readonly string[];
  readonly engines: { readonly node: string };
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Directories below the root of the clone; the operator's package first. */
export const PACKAGE_DIRECTORIES = ['.', 'codegen', 'conformance', 'generated', 'mcp'] as const;

export interface PackedFile {
  readonly filename: string;
  readonly name: string;
  readonly files: readonly { readonly path: string }[];
}

export function manifestOf(directory: string): Manifest {
  return JSON.parse(readFileSync(resolve(ROOT, directory, 'package.json'), 'utf8')) as Manifest;
}

/** Packs the output of `npm run build`. Scripts are off, because `prepack` would build again. */
export async function pack(directory: string, destination: string): Promise<PackedFile> {
  const command = ['npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', destination] as const;
  const output = await run(command, { cwd: resolve(ROOT, directory) });
  // Older versions of npm print a list of packages; newer versions print an object with the packages by name.
  const [packed] = Object.values(JSON.parse(output) as Record<string, PackedFile>);
  if (packed === undefined) throw new Error(`npm pack reported no package in ${directory}.`);
  return packed;
}

/** The oldest version of Node that `engines.node` of a package allows, as `X.Y.Z`. */
export function oldestNode(directory: string): string {
  const range = manifestOf(directory).engines.node;
  const [, version] = /^>=(\d+\.\d+)$/.exec(range) ?? [];
  if (version === undefined) throw new Error(`engines.node of ${directory} is "${range}"; expected ">=MAJOR.MINOR".`);
  return `${version}.0`;
}
