/** The contracts of one test file. Each contract is read only once, because compiling its schemas takes most of the time of a test. */
import { readContract } from '../contract/contract.ts';
import type { Contract } from '../contract/contract.ts';

const read = new Map<string | undefined, Promise<Contract>>();

/** Reads a contract, or returns it if it was already read. @param path as in `readContract` */
export function testContract(path?: string): Promise<Contract> {
  const known = read.get(path) ?? readContract(path);
  read.set(path, known);
  return known;
}
