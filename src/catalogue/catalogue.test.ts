import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stockCatalogue } from './catalogue.ts';

/** Names of the generated tables with facts about events. */
const KNOWLEDGE =
  /(?<!PATTERNS\.)\b(?:EVENTS(?!\/S)|CUSTOM_EVENT|FILTER_FIELDS|CONTRACT_DIGEST|payloadValidators|commandValidators|EventName|FilterField)\b/g;

/**
 * The only places that may name events: the catalogue, the sources, which publish `file_change`, and the handoff log, which consists of
 * `session_event`s.
 */
const PLACES = ['src/catalogue/', 'src/sources/', 'src/agents/handoff-log.ts'];

describe('only the catalogue knows which events exist', () => {
  test('no other file reads events from the generated code, or contains the name of an event', () => {
    expect([...readSources()].flatMap(([path, text]) => strangers(path, text))).toEqual([]);
  });

  test('a file that uses events outside the catalogue is found', () => {
    expect(strangers('src/http/routes.ts', "import { EVENTS } from '../../generated/protocol.ts';")).toEqual([
      'src/http/routes.ts: EVENTS',
    ]);
    expect(strangers('src/replay/warm.ts', "if (event === 'session_event') return;")).toEqual([
      "src/replay/warm.ts: 'session_event'",
    ]);
    expect(strangers('src/sources/files.ts', "publish('file_change')")).toEqual([]);
  });
});

function strangers(path: string, text: string): string[] {
  if (PLACES.some((place) => path.startsWith(place))) return [];
  const code = text.replaceAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, '');
  const names = [...stockCatalogue.events.keys()].map((name) => `'${name}'`).filter((name) => code.includes(name));
  return [...new Set([...(code.match(KNOWLEDGE) ?? []), ...names])].map((each) => `${path}: ${each}`);
}

function readSources(): ReadonlyMap<string, string> {
  const root = resolve(import.meta.dirname, '../..');
  const paths = globSync('src/**/*.ts', {
    cwd: root,
    exclude: ['**/*.test.ts', '**/*-suite.ts', '**/testing/**', 'src/http/console/**'],
  });
  return new Map(paths.toSorted().map((path) => [path, readFileSync(resolve(root, path), 'utf8')]));
}
