/** The contract of this project, for tests of what codegen makes from it. */
import { bundle } from '../bundle/bundle.ts';
import { checkContract } from '../contract.ts';
import { readSource } from '../files.ts';
import type { Contract } from '../model.ts';

const FILE = new URL('../../asyncapi.yaml', import.meta.url).pathname;

/** Checks only the house rules. The AsyncAPI parser takes several seconds, and other tests run it on this file. */
export async function readStockContract(): Promise<Contract> {
  return checkContract((await bundle(await readSource(FILE))).source);
}
