/** Reads a configuration file (YAML or JSON). The result lists the settings of the file, each with its key, value and line. */
import { readFileSync } from 'node:fs';
import { LineCounter, isMap, isScalar, parseDocument } from 'yaml';
import type { Node, YAMLMap } from 'yaml';
import { PATTERNS } from '../../generated/protocol.ts';
import { SETTINGS } from './settings.ts';
import type { Setting } from './settings.ts';

export interface FileEntry {
  readonly key: string;
  readonly value: unknown;
  readonly line: number;
}

export interface Problem {
  /** Where the problem is: `tidemark.yaml:3`, `TIDEMARK_PORT`, `--port`. */
  readonly where: string;
  readonly text: string;
}

export interface FileSettings {
  readonly entries: readonly FileEntry[];
  readonly problems: readonly Problem[];
}

interface Reader {
  readonly name: string;
  readonly lines: LineCounter;
  readonly entries: FileEntry[];
  readonly problems: Problem[];
}

const SECTIONS: ReadonlySet<string> = new Set(
  SETTINGS.filter(({ key }) => key.includes('.')).map(({ key }) => key.slice(0, key.indexOf('.'))),
);

/** Whether the key is a setting: it is in the table, or it is the replay policy of a custom event, which the table cannot list. */
function isKnown(key: string): boolean {
  return (
    SETTINGS.some((each) => each.key === key) ||
    (key.startsWith('replay.') && PATTERNS.EventName.test(key.slice('replay.'.length)))
  );
}

/** Reads a configuration file. Problems with its content are returned, not thrown. @throws {Error} if the file cannot be read */
export function readConfigFile(path: string): FileSettings {
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(path, 'utf8'), { lineCounter: lines });
  const reader: Reader = { name: path, lines, entries: [], problems: [] };
  for (const { message, linePos } of document.errors)
    complain(reader, linePos?.[0].line ?? 1, message.split(' at line')[0] ?? message);
  const { contents } = document;
  if (reader.problems.length > 0 || contents === null) return reader;
  if (!isMap(contents)) complain(reader, 1, 'A configuration must be a map of settings.');
  else readMap(reader, contents, '');
  return reader;
}

function readMap(reader: Reader, map: YAMLMap<Node, Node | null>, prefix: string): void {
  for (const { key: name, value } of map.items) {
    const line = reader.lines.linePos(name.range?.[0] ?? 0).line;
    const key = `${prefix}${isScalar(name) ? String(name.value) : ''}`;
    if (SECTIONS.has(key)) {
      if (isMap(value)) readMap(reader, value as YAMLMap<Node, Node | null>, `${key}.`);
      else complain(reader, line, `\`${key}\` is a section: put its settings under it.`);
    } else if (isKnown(key)) {
      reader.entries.push({ key, value: value?.toJSON() as unknown, line });
    } else {
      complain(reader, line, `\`${key}\` is not a setting. ${alternatives(prefix)}`);
    }
  }
}

function alternatives(prefix: string): string {
  const isHere = ({ key }: Setting): boolean => key.startsWith(prefix) && !key.slice(prefix.length).includes('.');
  const names = [
    ...SETTINGS.filter(isHere).map(({ key }) => key.slice(prefix.length)),
    ...(prefix === '' ? SECTIONS : []),
  ];
  return `Known settings: ${names.join(', ')}.`;
}

function complain(reader: Reader, line: number, text: string): void {
  reader.problems.push({ where: `${reader.name}:${line}`, text });
}
