import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CliRunner } from '../testing/cli-process.ts';

let home: string;
let runner: CliRunner;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-cli-key-'));
  runner = new CliRunner(home);
});
afterEach(() => runner.close());
afterAll(() => rm(home, { recursive: true }));

interface Shown {
  readonly id: string;
  readonly createdAt: string;
  readonly expiresAt?: string;
}

const DAY_MS = 86_400_000;

async function keyOf(argv: readonly string[]): Promise<Shown> {
  const { stdout } = await runner.finish(['key', ...argv, '--file', 'keys.json', '--json']);
  return JSON.parse(stdout) as Shown;
}

function lifetimeMs({ createdAt, expiresAt }: Shown): number | undefined {
  return expiresAt === undefined ? undefined : Date.parse(expiresAt) - Date.parse(createdAt);
}

describe('a rotated key', () => {
  test('has the lifetime of the old key, unless another is given', async () => {
    const limited = await keyOf(['create', 'ci', '--scope', 'subscribe:*', '--expires', '90d']);
    const rotated = await keyOf(['rotate', limited.id]);
    expect(lifetimeMs(rotated)).toBe(90 * DAY_MS);
    expect(lifetimeMs(await keyOf(['rotate', rotated.id, '--expires', '7d']))).toBe(7 * DAY_MS);
  });

  test('never expires if the old key never expires', async () => {
    const endless = await keyOf(['create', 'ide', '--scope', 'subscribe:*']);
    expect(lifetimeMs(await keyOf(['rotate', endless.id]))).toBeUndefined();
  });
});

test.each(['subscribe:* publish:*', 'subscribe:*,publish:*'])(
  '--scope %j is rejected with a hint on how to give several scopes',
  async (scope) => {
    const refused = await runner.finish(['key', 'create', 'ci', '--scope', scope, '--file', 'keys.json']);
    expect(refused).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/is not a scope; .* repeat --scope\.\n$/),
    });
  },
);
