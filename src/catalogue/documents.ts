/** The documents of a contract that a gateway serves as they are (OPS-4). */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface ContractDocuments {
  /** The contract as AsyncAPI, in YAML. */
  readonly asyncapi: string;
  /** The bundled contract in JSON; the contract digest is computed from it. */
  readonly bundle: string;
  /** The rendered reference, one HTML page. */
  readonly docs: string;
  /** The reference as Markdown. Absent in a contract that an earlier version built. */
  readonly docsText?: string;
  /** The directory of the documentation as a site. Undefined for a contract that an earlier version built. */
  readonly site: () => Promise<string | undefined>;
}

/** In a clone the documents are beside `src/`; in the published package they are beside `dist/src/` or below it. */
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

/** The package contains the site. A clone renders it when it is first requested, in a process of its own. */
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
