/** Reads the rows of `cases/*.ndjson`. The error for an invalid row names the file and the line. */
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CLAUSES } from '../../generated/protocol.ts';
import type { Row } from './row.ts';

const CASES = fileURLToPath(new URL('cases/', import.meta.url));

const REQUIRED = ['id', 'clause', 'why', 'send', 'expect'] as const;
const OPTIONAL = ['level', 'needs', 'transport', 'aside', 'probe', 'within', 'slow', 'variants'] as const;
const FIELDS: ReadonlySet<string> = new Set([...REQUIRED, ...OPTIONAL]);
const STEPS = [
  'text',
  'json',
  'frame',
  'bytes',
  'http',
  'upgrade',
  'repeat',
  'drip',
  'connections',
  'await',
  'hold',
  'do',
];
const OUTCOMES = ['error', 'reply', 'close', 'status', 'ignored', 'dropped'];
const ID = /^[a-z0-9-]+\/[a-z0-9-]+$/;

export class BadRow extends Error {}

function knows(value: unknown, keys: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && keys.some((key) => Object.hasOwn(value, key));
}

function faultOfRow(row: Partial<Record<string, unknown>>): string | undefined {
  const unknown = Object.keys(row).find((key) => !FIELDS.has(key));
  if (unknown !== undefined) return `unknown field ${unknown}`;
  const missing = REQUIRED.find((key) => !Object.hasOwn(row, key));
  if (missing !== undefined) return `the field ${missing} is missing`;
  const { id, clause, send, expect } = row;
  if (typeof id !== 'string' || !ID.test(id)) return `the id ${JSON.stringify(id)} does not have the form area/name`;
  if (!Object.hasOwn(CLAUSES, String(clause))) return `the contract has no clause ${String(clause)}`;
  if (!Array.isArray(send) || !send.every((each) => knows(each, STEPS))) return 'send contains an unknown step';
  const outcomes: readonly unknown[] = Array.isArray(expect) ? expect : [expect];
  if (outcomes.length === 0 || !outcomes.every((each) => knows(each, OUTCOMES)))
    return 'expect contains an unknown outcome';
  return undefined;
}

/** @throws {BadRow} */
export function parseRows(text: string, name: string): readonly Row[] {
  return text.split('\n').flatMap((line, at) => {
    if (line.trim() === '') return [];
    const where = `${name}:${at + 1}`;
    let row: Row;
    try {
      row = JSON.parse(line) as Row;
    } catch (cause) {
      throw new BadRow(`${where}: this line is not JSON`, { cause });
    }
    const fault = faultOfRow({ ...row });
    if (fault !== undefined) throw new BadRow(`${where}: ${fault}`);
    return [row];
  });
}

/**
 * All rows of the pack, in the order of their files.
 * @throws {BadRow}
 */
export function readRows(): readonly Row[] {
  const rows = globSync(`${CASES}*.ndjson`)
    .toSorted()
    .flatMap((path) => parseRows(readFileSync(path, 'utf8'), basename(path)));
  const seen = new Set<string>();
  for (const { id } of rows) {
    if (seen.has(id)) throw new BadRow(`duplicate id ${id}`);
    seen.add(id);
  }
  return rows;
}
