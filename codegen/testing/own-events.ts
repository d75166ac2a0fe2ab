/** Writes own-events documents for tests to a temporary directory. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { openContract } from '../own-events/open.ts';
import type { OpenedContract } from '../own-events/open.ts';
import { ContractError } from '../source.ts';

/** The content of each file by its name: text, or a value that is written as YAML. */
export type Files = Readonly<Record<string, unknown>>;

/** Makes a document. `events` maps event names to their members; a missing summary or payload is added. */
export function documentOf(events: Readonly<Record<string, object>>, more: object = {}): object {
  const filled = Object.entries(events).map(([name, event]) => [
    name,
    { summary: 'It happened.', payload: { type: 'object', properties: { target: { type: 'string' } } }, ...event },
  ]);
  return {
    asyncapi: '3.0.0',
    info: { title: 'Acme events', version: '1.0.0' },
    'x-extends': 'tidemark',
    components: { messages: Object.fromEntries(filled) },
    ...more,
  };
}

/** @returns the path of `events.yaml`; the other files are in the same directory */
export function writeDocument(document: unknown, others: Files = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-own-events-'));
  for (const [name, content] of Object.entries({ ...others, 'events.yaml': document }))
    writeFileSync(join(directory, name), typeof content === 'string' ? content : stringify(content));
  return join(directory, 'events.yaml');
}

export async function open(document: unknown, others: Files = {}): Promise<OpenedContract> {
  return openContract(writeDocument(document, others));
}

/** The findings, each as `file:line pointer: text` with the base name of the file. */
export async function findingsOf(document: unknown, others: Files = {}): Promise<readonly string[]> {
  const file = writeDocument(document, others);
  try {
    await openContract(file);
    return [];
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    const name = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
    return error.findings.map(
      ({ file: at = file, line, pointer, text }) =>
        `${name(at)}:${line ?? '?'} ${pointer}: ${text.replaceAll(file.slice(0, file.lastIndexOf('/') + 1), '')}`,
    );
  }
}
