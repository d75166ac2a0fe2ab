import { describe, expect, test } from 'vitest';
import { present } from './credential.ts';
import { outputOfCommand, runCommand } from './command.ts';

describe('a command of the configuration', () => {
  test('that exits returns its output', async () => {
    expect(await outputOfCommand(['echo', 'secret'])).toBe('secret\n');
  });

  test('counts as ended when it exits, even if it leaves a server running', async () => {
    const start = performance.now();
    await runCommand(['sh', '-c', 'sleep 30 & echo started']);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  test.each([
    ['that never ends', ['sh', '-c', 'sleep 60; echo late'], 'it did not exit within 0.2 s'],
    ['whose child never ends', ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'], 'it did not exit within 0.2 s'],
    ['that fails', ['sh', '-c', 'exit 3'], 'it exited with 3'],
    ['that is killed', ['sh', '-c', 'kill -9 $$'], 'it exited with SIGKILL'],
    ['that does not exist', ['/no/such/program'], 'ENOENT'],
  ] as const)('%s is an error with the reason', async (_name, command, text) => {
    for (const run of [runCommand, outputOfCommand])
      await expect(run(command, { timeoutMs: text.includes('0.2') ? 200 : 60_000 })).rejects.toThrow(text);
  });

  test('is named in the error when it should print a secret but fails', async () => {
    const source = { command: ['sh', '-c', 'exit 4'] } as const;
    await expect(present({ kind: 'token', source })).rejects.toThrow(
      'cannot read the secret from sh -c exit 4: it exited with 4',
    );
  });
});
