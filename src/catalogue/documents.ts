/** The documents of a contract that a gateway serves unchanged (OPS-4). */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface ContractDocuments {
  /** The contract as AsyncAPI, in YAML. */
  readonly asyncapi: string;
  /** The bundled contract in JSON. The contract digest is computed from this text. */
  readonly bundle: string;
  /** The reference, rendered as one HTML page. */
  readonly docs: string;
  /** The reference as Markdown. Missing in a contract that an earlier version has built. */
  readonly docsText?: string;
  /** Returns the directory of the documentation site; undefined for a contract that an earlier version has built. */
  readonly site: () => Promise<string | undefined>;
}

/**
 * The documents of the contract of this version. In a clone, they are in the directory that contains `src/`. In the published package, they
 * are in the directory that contains `dist/src/`, or one level above.
 */
export function stockDocuments(): ContractDocuments {
  return {
    asyncapi: readStock('asyncapi.yaml'),
    bundle: readStock('generated/contract.json'),
    docs: readStock('docs/reference/index.html'),
    docsText: readStock('docs/reference/protocol.md'),
    site: stockSite,
  };
}

const PACKED_SITE = new URL('../../docs-site/', import.meta.url);
const RENDERER = new URL('../../codegen/site/cached.ts', import.meta.url);

/** The directory of the site. The package contains the site. In a clone, a separate process renders the site at the first request. */
async function stockSite(): Promise<string> {
  if (existsSync(PACKED_SITE)) return fileURLToPath(PACKED_SITE);
  if (!existsSync(RENDERER)) throw new Error('The package is incomplete: docs-site is missing. Reinstall it.');
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(RENDERER)], { encoding: 'utf8' });
  return stdout.trim();
}

function readStock(path: string): string {
  const places = [new URL(`../../${path}`, import.meta.url), new URL(`../../../${path}`, import.meta.url)];
  const found = places.find((each) => existsSync(each));
  if (found === undefined) throw new Error(`The package is incomplete: ${path} is missing. Reinstall it.`);
  return readFileSync(found, 'utf8');
}
