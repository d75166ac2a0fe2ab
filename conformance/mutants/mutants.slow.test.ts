import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('every mutant is killed by a check of its clause, every check kills one, every correct server passes', async () => {
  const main = fileURLToPath(new URL('../command/main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, 'mutants'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  expect(stdout).toMatch(
    /\b(\d+) of \1 mutants killed by a check of their clause; (\d+) of \2 correct servers pass; 0 checks/,
  );
  expect(code).toBe(0);
}, 1_800_000);
