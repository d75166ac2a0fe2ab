/** The contracts of one test file, each read once: its schemas are compiled once for each contract, which takes most of the time. */
import { readContract } from '../contract/contract.ts';
import type { Contract } from '../contract/contract.ts';

const read = new Map<string | undefined, Promise<Contract>>();

/** @param path as in `readContract` */
export function testContract(path?: string): Promise<Contract> {
  const known = read.get(path) ?? readContract(path);
  read.set(path, known);
  return known;
}
