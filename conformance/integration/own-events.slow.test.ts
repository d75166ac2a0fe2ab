/** Runs the whole suite against a gateway with a user's own events, which takes about a minute. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { serveContract, suite, tidemark } from '../testing/processes.ts';

const ACME = resolve(import.meta.dirname, '../../examples/own-events/acme.yaml');

test("a gateway that serves a team's own events passes the whole suite", async () => {
  const built = join(mkdtempSync(join(tmpdir(), 'own-')), 'built');
  expect(await tidemark('contract', 'build', ACME, '--out', built)).toMatchObject({ code: 0 });
  const gateway = await serveContract(built);
  try {
    const { code, stdout } = await suite('run', '--url', gateway.url, '--contract', built, '--verbose');
    expect(stdout.slice(0, 4000)).toMatch(/^conformant: /m);
    expect(code).toBe(0);
  } finally {
    await gateway.stop();
  }
});
