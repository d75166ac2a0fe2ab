/** Finds phrases that make texts hard to read, and suggests plain ones. Checks the files of `REWRITTEN`. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/**
 * A hit usually means that the sentence needs rewriting: when this check was written, nearly all of forty randomly
 * chosen hits did. If a hit is clear to read, still rewrite it, or remove the phrase from this list.
 */
const PLAIN: ReadonlyMap<RegExp, string> = new Map([
  [/\bsaid aloud\b/i, 'reported'],
  [/\bwithout a word\b/i, 'without an error, without a close frame'],
  [/\bin silence\b/i, 'without a report'],
  [/\bfor ever\b/i, 'without limit, permanently'],
  [/\b(?:new|another) life\b/i, 'a new epoch, a restart'],
  [/\bwhoever\b/i, 'anyone who, a client that'],
  [/\bcomes? back by itself\b/i, 'reconnects automatically'],
  [/\b(?:is|are|was|were) (?:told|said)\b/i, 'receives, is reported'],
  [/\bhears? of\b/i, 'receives'],
  [/\b(?:begins?|began) anew\b/i, 'starts again, is reset'],
  [/\b(?:brings?|brought) about\b/i, 'causes'],
  [/\btakes its time\b/i, 'takes long'],
  [/\bsays so\b/i, 'reports it'],
  [/\bin vain\b/i, 'without success'],
  [/\btakes? note of\b/i, 'records'],
  [/\bat every door\b/i, 'for the command and over HTTP'],
  [/\bstands? (?:twice|here|there)\b/i, 'is repeated, is in'],
  [/\blook(?:s|ed)? at again\b/i, 'read again'],
  [/\bas long as (?:it|they) likes?\b/i, 'without limit'],
]);

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const REWRITTEN = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'conformance/{README.md,{filters,tape,client/mutants}/*.json}',
  'asyncapi.yaml',
  'docs/{decisions,explanation,guides,tutorials}/**/*.md',
  'codegen/**/*.{ts,yaml}',
  'conformance/{adversary,client,command,exchanges,filters,generalise,hostile,integration,invariants,mutants,record,report,runner,tape,target,testing,trace}/**/*.ts',
  'conformance/{client/tapes,hostile/cases,tapes}/**/*.ndjson',
  'codegen/python/runtime/*.py',
  'mcp/**/*.{md,ts}',
  'deploy/**/{Caddyfile,Containerfile,*.conf,*.service,*.yaml}',
  'examples/**/*.{md,ts,yaml}',
  'conformance/servers/python/**/*.{md,py}',
  'src/{agents,auth,broker,catalogue,cli,config,connections,delivery,handlers,http,integration,introspection,mock,publishing,replay,session,sources,subscriptions,testing,wire}/**/*.{lua,ts}',
  'src/*.ts',
  '{bench,scripts}/**/*.ts',
];

/** This file quotes the phrases. */
const FILES = globSync(REWRITTEN, { cwd: ROOT })
  .filter((file) => file !== 'scripts/prose.test.ts' && !/(?:^|\/)(?:node_modules|dist)\//.test(file))
  .toSorted();

test('the docs, the contract and the rewritten rooms use plain words', () => {
  const hits = FILES.flatMap((file) =>
    readFileSync(`${ROOT}/${file}`, 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        [...PLAIN]
          .filter(([pattern]) => pattern.test(line))
          .map(([pattern, plain]) => `${file}:${index + 1}: ${pattern.source}: write ${plain}`),
      ),
  );
  expect(hits).toEqual([]);
});

test('no line of a page begins with a stray asterisk, which Markdown would show', () => {
  const pages = FILES.filter((file) => file.endsWith('.md'));
  const stray = pages.flatMap((file) =>
    readFileSync(`${ROOT}/${file}`, 'utf8')
      .split('\n')
      .flatMap((line, index) => (/^\*[^*\s][^*]*$/.test(line) ? [`${file}:${index + 1}: ${line}`] : [])),
  );
  expect(stray).toEqual([]);
});
