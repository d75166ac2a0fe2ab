import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { GO, programOf } from '../../scripts/tools.ts';
import { suite } from '../testing/processes.ts';

const SOURCES = fileURLToPath(new URL('../../examples/go-client', import.meta.url));
/** Behaviour that the contract does not require of clients. */
const TAPES = fileURLToPath(new URL('../../examples/client-tapes', import.meta.url));

test('the client in Go, written from the contract and the guide, conforms', async () => {
  const program = join(mkdtempSync(join(tmpdir(), 'go-client-')), 'go-client');
  const { status, stderr } = spawnSync(programOf(GO), ['build', '-o', program, '.'], {
    cwd: SOURCES,
    encoding: 'utf8',
    env: { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '' },
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  for (const tapes of [[], ['--tapes', TAPES]]) {
    const { code, stdout } = await suite('client', '--command', program, ...tapes);
    expect(stdout).toMatch(/conformant: (\d+) of \1 checks passed/);
    expect(code).toBe(0);
  }
}, 900_000);
