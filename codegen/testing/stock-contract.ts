/** The project's own contract, for tests of what is made from it. */
import { bundle } from '../bundle/bundle.ts';
import { checkContract } from '../contract.ts';
import { readSource } from '../files.ts';
import type { Contract } from '../model.ts';

const FILE = new URL('../../asyncapi.yaml', import.meta.url).pathname;

/** Reads it by the house rules only: the AsyncAPI parser needs several seconds, and other tests run it on this file. */
export async function readStockContract(): Promise<Contract> {
  return checkContract((await bundle(await readSource(FILE))).source);
}
