/** The documents of a contract that a gateway serves as they are (OPS-4). */
import { existsSync, readFileSync } from 'node:fs';

export interface ContractDocuments {
  /** The contract as AsyncAPI, in YAML. */
  readonly asyncapi: string;
  /** The bundled contract in JSON; the contract digest is computed from it. */
  readonly bundle: string;
  /** The rendered reference, one HTML page. */
  readonly docs: string;
  /** The reference as Markdown. Absent in a contract that an earlier version built. */
  readonly docsText?: string;
}

/** In a clone the documents are beside `src/`; in the published package they are beside `dist/src/` or below it. */
export function stockDocuments(): ContractDocuments {
  return {
    asyncapi: readStock('asyncapi.yaml'),
    bundle: readStock('generated/contract.json'),
    docs: readStock('docs/reference/index.html'),
    docsText: readStock('docs/reference/protocol.md'),
  };
}

function readStock(path: string): string {
  const places = [new URL(`../../${path}`, import.meta.url), new URL(`../../../${path}`, import.meta.url)];
  const found = places.find((each) => existsSync(each));
  if (found === undefined) throw new Error(`The package is incomplete: ${path} is missing. Reinstall it.`);
  return readFileSync(found, 'utf8');
}
