/**
 * `node scripts/under-load.ts [--rounds N] [--at-once N] [--busy N] FILE…`: runs test files several times at once, while busy loops use all
 * processors. In this way, a test that passes only on an idle machine is found. Prints the failed tests of each round; the exit code is 1
 * if any failed.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { ROOT } from './ci-counts.ts';

const { values, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '20' },
    'at-once': { type: 'string', default: '4' },
    busy: { type: 'string', default: '2' },
  },
});
const [rounds, atOnce, busy] = [values.rounds, values['at-once'], values.busy].map(Number);
if (rounds === undefined || atOnce === undefined || busy === undefined || files.length === 0)
  throw new Error('usage: node scripts/under-load.ts [--rounds N] [--at-once N] [--busy N] FILE…');

const VITEST = join(ROOT, 'node_modules', '.bin', 'vitest');

const loops = Array.from({ length: busy }, () => new Worker('for (;;);', { eval: true }));
let failedRuns = 0;
for (let round = 1; round <= rounds; round += 1) {
  const started = performance.now();
  const failures = (await Promise.all(Array.from({ length: atOnce }, runTests))).filter((each) => each !== undefined);
  failedRuns += failures.length;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`round ${round}: ${atOnce - failures.length} of ${atOnce} runs passed (${seconds} s)`);
  for (const output of failures) console.log(output);
}
console.log(`${rounds * atOnce} runs, ${failedRuns} failed`);
await Promise.all(loops.map((loop) => loop.terminate()));
process.exitCode = failedRuns === 0 ? 0 : 1;

/** Runs the tests once. @returns the output if a test failed, otherwise undefined */
async function runTests(): Promise<string | undefined> {
  const child = spawn(VITEST, ['run', '--reporter=default', '--maxWorkers=1', ...files], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return code === 0 ? undefined : output;
}
