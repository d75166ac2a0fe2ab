/** `conformance list`, `explain` and `show`: the clauses, checks and tapes for servers and for clients, and what they mean. */
import { readFileSync } from 'node:fs';
import { CLAUSES, HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { ClauseId, HttpOperationName } from '../../generated/protocol.ts';
import { CLAUSE_IDS, isClause, clausesOfMessage, describeMessage, httpOperation } from '../invariants/contract.ts';
import type { MessageDescription } from '../invariants/contract.ts';
import { TRACE_CHECKS } from '../invariants/checks.ts';
import { EXCHANGES } from '../exchanges/check.ts';
import { CLIENT_CHECKS } from '../client/checks.ts';
import { loadClientTapes } from '../client/library.ts';
import { parseClientTape } from '../client/parse.ts';
import { showClientTape } from '../client/show.ts';
import { EXIT } from '../runner/verdict.ts';
import { isClientTape } from '../tape/format.ts';
import { isChosen, suiteTapes } from '../tape/library.ts';
import { parseTape } from '../tape/parse.ts';
import { showTape } from '../tape/show.ts';
import type { Level } from '../tape/tape.ts';
import { UsageError, print } from './terminal.ts';

interface Entry {
  readonly id: string;
  readonly clauses: readonly ClauseId[];
  readonly level: Level;
  readonly why: string;
  readonly needs: readonly string[];
}

/** Lists the checks of `conformance run`. */
function serverCatalogue(directory?: string): readonly Entry[] {
  const tapes = suiteTapes(directory).map(({ header }): Entry => header);
  const traced = TRACE_CHECKS.map(({ id, clauses, why }): Entry => ({ id, clauses, why, level: 'must', needs: [] }));
  const generated: Entry = { ...EXCHANGES, level: 'must', needs: [] };
  return [...tapes, generated, ...traced];
}

/** Lists the checks of `conformance client`. */
function clientCatalogue(directory?: string): readonly Entry[] {
  const tapes = loadClientTapes(directory).map(({ header }): Entry => header);
  const traced = CLIENT_CHECKS.map(({ id, clauses, why }): Entry => ({ id, clauses, why, level: 'must', needs: [] }));
  return [...tapes, ...traced];
}

/** Flags that select tapes: the suite's or the user's own, for servers or for clients. */
export interface TapeFlags {
  readonly tapes?: string;
  readonly client?: true;
}

function catalogue({ tapes, client }: TapeFlags): readonly Entry[] {
  return client === true ? clientCatalogue(tapes) : serverCatalogue(tapes);
}

/** All checks of the suite; with `--tapes`, only the checks of the user's own tapes. */
function allEntries(flags: TapeFlags): readonly Entry[] {
  return flags.tapes === undefined && flags.client === undefined
    ? [...serverCatalogue(), ...clientCatalogue()]
    : catalogue(flags);
}

export interface ListFlags extends TapeFlags {
  readonly only?: string;
  readonly clauses?: true;
  readonly json?: true;
}

/** Shown after a clause without checks: why this list needs no check for it. The key tells who can observe the clause. */
const OUTSIDE = {
  operator: ' (operators only)',
  server: ' (requirement for clients: see `list --client`)',
  client: ' (requirement for servers: see `list` without --client)',
} as const;

const OBSERVERS = {
  client: 'observable by clients',
  operator: 'observable by operators only',
  server: 'requirement for clients',
} as const;

function listClauses(entries: readonly Entry[], flags: ListFlags): number {
  const observer = flags.client === true ? 'server' : 'client';
  const rows = CLAUSE_IDS.map((id) => ({
    id,
    observable: CLAUSES[id].observable,
    checks: entries.filter(({ clauses }) => clauses.includes(id)).map((each) => each.id),
  }));
  if (flags.json === true) print(JSON.stringify(rows));
  else
    for (const { id, checks, observable } of rows)
      print(
        `${id.padEnd(7)} ${String(checks.length).padStart(3)}  ${checks.length > 0 ? checks.join(' ') : `– none${observable === observer ? '' : OUTSIDE[observable]}`}`,
      );
  // A clause that a client (or, for client checks, a server) can observe must have a check.
  const open = rows.filter(({ checks, observable }) => checks.length === 0 && observable === observer);
  return open.length === 0 ? EXIT.ok : EXIT.findings;
}

export function listCommand(flags: ListFlags): number {
  const entries = catalogue(flags).filter(({ id }) => isChosen(id, flags.only));
  if (entries.length === 0)
    throw new UsageError(
      `--only ${flags.only ?? ''} matches no check; \`tidemark conformance list\` without --only shows all checks.`,
    );
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

export function explainCommand(name: string, flags: TapeFlags): number {
  const entries = allEntries(flags);
  if (isClause(name)) {
    explainClause(name, entries);
    return EXIT.ok;
  }
  const entry = entries.find(({ id }) => id === name);
  const message = describeMessage(name);
  const operation = Object.hasOwn(HTTP_OPERATIONS, name) ? HTTP_OPERATIONS[name as HttpOperationName] : undefined;
  if (entry !== undefined) explainEntry(entry);
  else if (message !== undefined) explainMessage(name, message);
  else if (operation !== undefined) explainOperation(operation, name);
  else
    throw new UsageError(
      `${JSON.stringify(name)} is not a clause, a check, a message or an HTTP operation; \`tidemark conformance list\` shows all checks, with --clauses all clauses.`,
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

/** Explains an HTTP operation, with the messages with which it may respond. */
function explainOperation({ method, path }: (typeof HTTP_OPERATIONS)[HttpOperationName], name: string): void {
  const operation = httpOperation(method, path);
  print(`${name}\n  ${method} ${path}\n`);
  for (const reply of operation?.replies ?? []) {
    const message = describeMessage(reply);
    print(`  responds with ${reply}${message === undefined ? '' : `: ${message.summary}`}`);
    for (const example of message?.examples.slice(0, 1) ?? []) print(`  ${JSON.stringify(example)}`);
  }
  print('');
  for (const clause of operation?.clauses ?? []) print(`  ${clause}  ${CLAUSES[clause].text}`);
}

/** Reads a file. @throws {UsageError} when it does not exist */
function readTape(name: string): string {
  try {
    return readFileSync(name, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')
      throw new UsageError(`${name} does not exist; pass the path of a tape, or its id.`, { cause });
    throw cause;
  }
}

/**
 * The diagram of a tape, found by its id or by the path of its file. If a server tape and a client tape
 * have the same id, the result shows the server tape.
 */
function shown(name: string, { tapes, client }: TapeFlags): string {
  if (name.endsWith('.ndjson')) {
    const text = readTape(name);
    return isClientTape(text, name) ? showClientTape(parseClientTape(text, name)) : showTape(parseTape(text, name));
  }
  const forServer = client === true ? undefined : suiteTapes(tapes).find(({ header }) => header.id === name);
  if (forServer !== undefined) return showTape(forServer);
  const forClient =
    client === true || tapes === undefined
      ? loadClientTapes(tapes).find(({ header }) => header.id === name)
      : undefined;
  if (forClient !== undefined) return showClientTape(forClient);
  throw new UsageError(
    `There is no tape ${JSON.stringify(name)}; \`tidemark conformance list\` shows the tapes for servers, and \`tidemark conformance list --client\` the tapes for clients.`,
  );
}

export function showCommand(name: string, flags: TapeFlags): number {
  print(shown(name, flags));
  return EXIT.ok;
}
