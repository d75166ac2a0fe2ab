/** Builds the documentation: for `tidemark docs build`, for the package of the gateway, and for a gateway in a clone. */
import { checkContract } from '../contract.ts';
import { readSource } from '../files.ts';
import { STOCK_FILE, openContract } from '../own-events/open.ts';
import { ENTRY, buildSite } from './site.ts';
import type { Site } from './site.ts';
import { writeSite } from './write.ts';

export interface DocsOptions {
  /** Path of a contract or of an own-events document; by default the contract of this version. */
  readonly contract?: string;
  /** The output directory. It is created if it does not exist. */
  readonly out: string;
}

/** A gateway serves this file with the path of its WebSocket. For a web host, it is written without a path. */
const GATEWAY = 'gateway.json';

/**
 * Writes the site for a web host.
 * @throws {ContractError} when the contract breaks a rule
 * @throws {OutputError} when `out` cannot be written
 */
export async function buildDocs({ contract, out }: DocsOptions): Promise<{ readonly files: readonly string[] }> {
  const site = new Map(contract === undefined ? await stockSite() : buildSite((await openContract(contract)).contract));
  site.delete(ENTRY);
  site.set(GATEWAY, '{"webSocket":null}\n');
  await writeSite(site, out);
  return { files: [...site.keys()] };
}

/**
 * The site of the contract of this version. The AsyncAPI parser, which takes seconds, is not used, because the contract
 * was checked when code was generated from it.
 */
export async function stockSite(): Promise<Site> {
  return buildSite(checkContract(await readSource(STOCK_FILE)));
}
