/**
 * `npm test`: installs the programs that the tests need and, at the same time, runs the static checks, two at a time. Then runs the tests.
 * Everything is run even if something fails, and the exit code is 0 only if everything passes. Arguments go to vitest (`npm test --
 * src/replay`).
 */
import { spawn } from 'node:child_process';
import { REPORTS, ROOT, writeCounts } from './ci-counts.ts';

interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** The command that shows or fixes the failure. */
  readonly repeat: string;
}

const CHECKS: readonly Check[] = [
  { name: 'typecheck', command: ['npm', 'run', '--silent', 'typecheck'], repeat: 'npm run typecheck' },
  { name: 'generated files', command: ['node', 'codegen/generate.ts', '--check'], repeat: 'npm run generate' },
  { name: 'lint', command: ['npm', 'run', '--silent', 'lint'], repeat: 'npm run lint' },
  { name: 'format', command: ['npm', 'run', '--silent', 'format:check'], repeat: 'npm run format' },
];
const LANES = 2;

/** The installation mostly waits for the network, so it runs at the same time as the checks. No check needs the installed programs. */
const TOOLS: Check = {
  name: 'tools of the tests',
  command: ['node', 'scripts/ensure-tools.ts'],
  repeat: 'node scripts/ensure-tools.ts',
};

const env = process.env['CI'] === undefined ? process.env : { ...process.env, NO_COLOR: '1' };
const queue = [...CHECKS];
let failed = 0;
await Promise.all([perform(TOOLS, 'inherit'), ...Array.from({ length: LANES }, () => drain())]);
writeCounts(REPORTS.checks, { passed: CHECKS.length + 1 - failed, failed });

const tests = await run(['vitest', 'run', ...process.argv.slice(2)], 'inherit');
process.exitCode = failed === 0 && tests.code === 0 ? 0 : 1;

async function drain(): Promise<void> {
  for (let check = queue.shift(); check !== undefined; check = queue.shift()) await perform(check, 'pipe');
}

async function perform({ name, command, repeat }: Check, stdio: 'inherit' | 'pipe'): Promise<void> {
  const started = performance.now();
  const { code, output } = await run(command, stdio);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (code === 0) {
    console.log(`ok      ${name} (${seconds} s)`);
  } else {
    failed += 1;
    console.log(`FAILED  ${name} (${seconds} s): ${repeat}\n${output}`);
  }
}

function run(
  command: readonly [string, ...string[]],
  stdio: 'inherit' | 'pipe',
): Promise<{ code: number; output: string }> {
  const [program, ...parameters] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { cwd: ROOT, env, stdio: ['ignore', stdio, stdio] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    }
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
