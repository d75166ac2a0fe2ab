/** Words that made texts of this project hard to read, with the plain alternative. Checked where every text has been rewritten. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/**
 * When this check was written, about forty of its 168 hits in the tree, chosen at random, were read: nearly all were sentences that
 * needed rewriting. Rewrite a hit that is fine too, or remove the phrase here.
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
]);

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FILES = globSync(
  ['README.md', 'CONTRIBUTING.md', 'docs/{explanation,guides,tutorials}/**/*.md', 'codegen/runtime/*.ts'],
  {
    cwd: ROOT,
  },
).toSorted();

test('docs and the client SDK use plain words', () => {
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
