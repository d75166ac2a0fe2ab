import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { JAVAC, programOf } from '../../scripts/tools.ts';
import { suite } from '../testing/processes.ts';

const SOURCES = fileURLToPath(new URL('../../examples/client-java/tidemark', import.meta.url));
/** Behaviour that the contract does not require of clients. */
const TAPES = fileURLToPath(new URL('../../examples/client-tapes', import.meta.url));

test('the client in Java, written from the contract and the guide, conforms', async () => {
  const classes = mkdtempSync(join(tmpdir(), 'client-java-'));
  const files = readdirSync(SOURCES).map((name) => join(SOURCES, name));
  const { status, stderr } = spawnSync(programOf(JAVAC), ['-Xlint:all', '-Werror', '-d', classes, ...files], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  for (const tapes of [[], ['--tapes', TAPES]]) {
    const { code, stdout } = await suite('client', '--command', `java -cp ${classes} tidemark.Program`, ...tapes);
    expect(stdout).toMatch(/conformant: \d+ of \d+ checks passed/);
    expect(code).toBe(0);
  }
}, 900_000);
