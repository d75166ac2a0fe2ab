/**
 * Runs before the tests, and installs the programs that the tests use: Redis, a browser, the tools that must be able to read the contract,
 * and others. A test is not skipped if a program is missing, because a skipped test proves nothing. If this script does not run as root on
 * Debian, it prints the command that installs the missing packages. With `--slow`, it also handles the programs that only
 * `npm run test:slow` needs.
 */
import { spawn } from 'node:child_process';
import type { SpawnOptions } from 'node:child_process';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { locate, SLOW_TOOLS, TOOLS } from './tools.ts';

/** If this program exists and exits with 101, packages do not start their services when they are installed (invoke-rc.d(8)). */
const SERVICE_POLICY = '/usr/sbin/policy-rc.d';

// Both installations mostly wait for the network, so they run at the same time.
await Promise.all([installTools(), installReaders()]);
await renderDocs();

async function installTools(): Promise<void> {
  const needed = process.argv.includes('--slow') ? [...TOOLS, ...SLOW_TOOLS] : TOOLS;
  const missing = needed.filter((tool) => locate(tool) === undefined);
  if (missing.length === 0) return;
  const rootOnDebian = existsSync('/etc/debian_version') && process.getuid?.() === 0;
  if (rootOnDebian) await withoutServices(() => installPackages(missing.map((tool) => tool.debianPackage)));
  const stillMissing = missing.filter((tool) => locate(tool) === undefined);
  if (stillMissing.length === 0) return;
  const names = stillMissing.map((tool) => tool.commands[0]).join(' and ');
  const line =
    process.platform === 'darwin'
      ? stillMissing.map((tool) => `brew install ${tool.brewFormula}`).join(' && ')
      : `sudo apt-get update && sudo apt-get install -y ${stillMissing.map((tool) => tool.debianPackage).join(' ')}`;
  process.stderr.write(`The tests need ${names}, which PATH does not have. Install with:\n\n  ${line}\n\n`);
  process.exitCode = 1;
}

/**
 * Prevents packages from starting their services. The tests start their own servers, and a service on the standard port
 * would conflict with them.
 */
async function withoutServices(work: () => Promise<void>): Promise<void> {
  if (existsSync(SERVICE_POLICY)) return work();
  writeFileSync(SERVICE_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await work();
  } finally {
    rmSync(SERVICE_POLICY);
  }
}

/**
 * Renders the documentation that gateways in a clone serve. If a gateway rendered it on the first request, some tests
 * would time out. A contract that cannot be rendered is reported here and by the tests.
 */
async function renderDocs(): Promise<void> {
  const program = fileURLToPath(new URL('../codegen/site/cached.ts', import.meta.url));
  const { errors } = await run([process.execPath, program]);
  process.stderr.write(errors);
}

/**
 * Installs the tools that read the contract. They have their own package.json, so that users, and developers who run no tests, need not
 * install them.
 */
async function installReaders(): Promise<void> {
  const directory = fileURLToPath(new URL('../codegen/readers', import.meta.url));
  const lock = join(directory, 'package-lock.json');
  // npm writes this file at the end of an installation, so it shows that the installation is complete.
  const installed = join(directory, 'node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  process.stderr.write('Installing the tools that must be able to read the contract (codegen/readers).\n');
  const { code, errors } = await run(['npm', 'ci', '--ignore-scripts'], { cwd: directory });
  process.stderr.write(errors);
  if (code !== 0) process.exitCode = 1;
}

async function installPackages(packages: readonly string[]): Promise<void> {
  process.stderr.write(`Installing Debian's ${packages.join(' and ')} for the tests.\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const steps = [
    ['update', '-q'],
    ['install', '-q', '-y', '--no-install-recommends', ...packages],
  ];
  for (const step of steps) {
    const { code, output, errors } = await run(['apt-get', ...step], { env });
    if (code === 0) continue;
    process.stderr.write(`apt-get ${step.join(' ')} failed: ${output}\n${errors}\n`);
    return;
  }
}

interface Result {
  /** `undefined` if the program could not be started or was ended by a signal. */
  readonly code: number | undefined;
  readonly output: string;
  readonly errors: string;
}

function run([program, ...parameters]: readonly [string, ...string[]], options: SpawnOptions = {}): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(program, parameters, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
    child.on('error', ({ message }) => (errors += message));
    child.on('close', (code) => resolve({ code: code ?? undefined, output, errors }));
  });
}
