/** `conformance list`, `explain` and `show`: the clauses, checks and tapes, and what they mean. */
import { readFileSync } from 'node:fs';
import { CLAUSES } from '../../generated/protocol.ts';
import type { ClauseId } from '../../generated/protocol.ts';
import { CLAUSE_IDS, isClause, clausesOfMessage, describeMessage } from '../invariants/contract.ts';
import type { MessageDescription } from '../invariants/contract.ts';
import { TRACE_CHECKS } from '../invariants/checks.ts';
import { EXCHANGES } from '../exchanges/check.ts';
import { EXIT } from '../runner/verdict.ts';
import { isChosen, suiteTapes } from '../tape/library.ts';
import { parseTape } from '../tape/parse.ts';
import { showTape } from '../tape/show.ts';
import type { Level, Tape } from '../tape/tape.ts';
import { UsageError, print } from './terminal.ts';

interface Entry {
  readonly id: string;
  readonly clauses: readonly ClauseId[];
  readonly level: Level;
  readonly why: string;
  readonly needs: readonly string[];
}

function catalogue(directory?: string): readonly Entry[] {
  const tapes = suiteTapes(directory).map(({ header }): Entry => header);
  const traced = TRACE_CHECKS.map(({ id, clauses, why }): Entry => ({ id, clauses, why, level: 'must', needs: [] }));
  const generated: Entry = { ...EXCHANGES, level: 'must', needs: [] };
  return [...tapes, generated, ...traced];
}

export interface ListFlags {
  readonly only?: string;
  readonly tapes?: string;
  readonly clauses?: true;
  readonly json?: true;
}

/** Why `conformance run` has no check of a clause. */
const OUTSIDE: Readonly<Record<string, string>> = {
  operator: ' (operators only)',
  server: ' (kept by clients: `conformance client`)',
};

const OBSERVERS = {
  client: 'observable by clients',
  operator: 'observable by operators only',
  server: 'kept by clients',
} as const;

function listClauses(entries: readonly Entry[], flags: ListFlags): number {
  const rows = CLAUSE_IDS.map((id) => ({
    id,
    observable: CLAUSES[id].observable,
    checks: entries.filter(({ clauses }) => clauses.includes(id)).map((each) => each.id),
  }));
  if (flags.json === true) print(JSON.stringify(rows));
  else
    for (const { id, checks, observable } of rows)
      print(
        `${id.padEnd(7)} ${String(checks.length).padStart(3)}  ${checks.length > 0 ? checks.join(' ') : `– none${OUTSIDE[observable] ?? ''}`}`,
      );
  // The suite must have a check for every clause that a client can observe.
  const open = rows.filter(({ checks, observable }) => checks.length === 0 && observable === 'client');
  return open.length === 0 ? EXIT.ok : EXIT.findings;
}

export function listCommand(flags: ListFlags): number {
  const entries = catalogue(flags.tapes).filter(({ id }) => isChosen(id, flags.only));
  if (entries.length === 0) throw new UsageError(`--only ${flags.only ?? ''} matches no check.`);
  if (flags.clauses === true) return listClauses(entries, flags);
  if (flags.json === true) print(JSON.stringify(entries));
  else
    for (const { id, clauses, level, why } of entries)
      print(`${id.padEnd(36)} ${level === 'should' ? '(should) ' : ''}${clauses.join(' ')}\n    ${why}`);
  return EXIT.ok;
}

function explainClause(id: ClauseId, entries: readonly Entry[]): void {
  const { level, observable, text } = CLAUSES[id];
  print(`${id} (${level}, ${OBSERVERS[observable]})\n  ${text}\n`);
  const citing = entries.filter(({ clauses }) => clauses.includes(id));
  for (const each of citing) print(`  ${each.id}\n    ${each.why}`);
  if (citing.length === 0) print('  No check tests this clause.');
}

function explainEntry({ id, clauses, level, why, needs }: Entry): void {
  print(`${id} (${level})\n  ${why}\n`);
  for (const clause of clauses) print(`  ${clause}  ${CLAUSES[clause].text}`);
  if (needs.length > 0) print(`  needs: ${needs.join(', ')}`);
}

export function explainCommand(name: string, flags: { readonly tapes?: string }): number {
  const entries = catalogue(flags.tapes);
  if (isClause(name)) {
    explainClause(name, entries);
    return EXIT.ok;
  }
  const entry = entries.find(({ id }) => id === name);
  const message = describeMessage(name);
  if (entry !== undefined) explainEntry(entry);
  else if (message !== undefined) explainMessage(name, message);
  else
    throw new UsageError(
      `${JSON.stringify(name)} is neither a clause nor a check nor a message; \`tidemark conformance list\` shows all clauses and checks.`,
    );
  return EXIT.ok;
}

function explainMessage(name: string, { summary, examples }: MessageDescription): void {
  print(`${name}\n  ${summary}\n`);
  for (const each of examples) print(`  ${JSON.stringify(each)}`);
  const clauses = clausesOfMessage(name);
  if (clauses.length > 0) print('');
  for (const clause of clauses) print(`  ${clause}  ${CLAUSES[clause].text}`);
}

/** Finds a tape by its id or by the path of its file. */
export function findTape(name: string, directory?: string): Tape {
  if (!name.endsWith('.ndjson')) {
    const found = suiteTapes(directory).find(({ header }) => header.id === name);
    if (found === undefined)
      throw new UsageError(`There is no tape ${JSON.stringify(name)}; \`tidemark conformance list\` shows all.`);
    return found;
  }
  try {
    return parseTape(readFileSync(name, 'utf8'), name);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')
      throw new UsageError(`${name} cannot be read.`, { cause });
    throw cause;
  }
}

export function showCommand(name: string, flags: { readonly tapes?: string }): number {
  print(showTape(findTape(name, flags.tapes)));
  return EXIT.ok;
}
