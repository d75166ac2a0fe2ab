/** `conformance generalise`: makes a tape from a capture. */
import { existsSync } from 'node:fs';
import { generalise } from '../generalise/generalise.ts';
import { EXIT } from '../runner/verdict.ts';
import { readTrace } from '../trace/trace.ts';
import { UsageError, print, printStatus, readInput, writeOutput } from './terminal.ts';

export interface GeneraliseFlags {
  readonly id: string;
  readonly clauses: string;
  readonly why: string;
  readonly out?: string;
}

export function generaliseCommand(file: string, flags: GeneraliseFlags): number {
  const { id, why, out } = flags;
  if (out !== undefined && existsSync(out)) throw new UsageError(`${out} already exists; choose another file.`);
  const clauses = flags.clauses.split(',').map((each) => each.trim());
  const { text, notes } = generalise(readTrace(readInput(file), file), { id, clauses, why });
  for (const note of notes) printStatus(note);
  if (out === undefined) print(text);
  else {
    writeOutput(out, text);
    printStatus(`Wrote ${out}. Show it with: npx tidemark conformance show ${out}`);
  }
  return EXIT.ok;
}
