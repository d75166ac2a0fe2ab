/** `conformance fmt`: formats tapes and lists the files that changed. */
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CLIENT_TAPES } from '../client/library.ts';
import { parseClientTape } from '../client/parse.ts';
import { EXIT } from '../runner/verdict.ts';
import { formatTape, isClientTape } from '../tape/format.ts';
import { TAPES } from '../tape/library.ts';
import { parseTape } from '../tape/parse.ts';
import { UsageError, print, writeOutput } from './terminal.ts';

export interface FmtFlags {
  readonly check?: true;
}

function filesOf(names: readonly string[]): readonly string[] {
  const given = names.length === 0 ? [TAPES, CLIENT_TAPES] : names;
  return given.flatMap((name) => {
    const kind = statSync(name, { throwIfNoEntry: false });
    if (kind === undefined) throw new UsageError(`${name} does not exist.`);
    return kind.isDirectory()
      ? globSync('**/*.ndjson', { cwd: name })
          .toSorted()
          .map((each) => join(name, each))
      : [name];
  });
}

export function fmtCommand(names: readonly string[], flags: FmtFlags): number {
  let untidy = 0;
  for (const file of filesOf(names)) {
    const before = readFileSync(file, 'utf8');
    if (isClientTape(before, file)) parseClientTape(before, file);
    else parseTape(before, file);
    const after = formatTape(before, file);
    if (after === before) continue;
    untidy += 1;
    print(file);
    if (flags.check !== true) writeOutput(file, after);
  }
  return flags.check === true && untidy > 0 ? EXIT.findings : EXIT.ok;
}
