/**
 * Makes sure before the tests that the programs which they run are installed, such as a real Redis, a real browser and the tools that
 * must read the contract, because a skipped test would prove nothing. As root on Debian it installs the packages; otherwise it prints the command to run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHROMIUM, CURL, locate, NGINX, OPENSSL, PROMTOOL, PYTHON, PYTHON_PACKAGES, REDIS } from './tools.ts';

/** A program that exits with 101 here keeps packages from starting their services when they are installed (invoke-rc.d(8)). */
const SERVICE_POLICY = '/usr/sbin/policy-rc.d';

const tools = [REDIS, CHROMIUM, CURL, OPENSSL, PROMTOOL, NGINX, PYTHON, ...PYTHON_PACKAGES];
const missing = tools.filter((tool) => locate(tool) === undefined);
if (missing.length > 0) {
  const packages = missing.map((tool) => tool.debianPackage);
  const rootOnDebian = existsSync('/etc/debian_version') && process.getuid?.() === 0;
  if (rootOnDebian) withoutServices(() => install(packages));
  const stillMissing = missing.filter((tool) => locate(tool) === undefined);
  if (stillMissing.length > 0) {
    const names = stillMissing.map((tool) => tool.commands[0]).join(' and ');
    const line =
      process.platform === 'darwin'
        ? stillMissing.map((tool) => `brew install ${tool.brewFormula}`).join(' && ')
        : `sudo apt-get update && sudo apt-get install -y ${stillMissing.map((tool) => tool.debianPackage).join(' ')}`;
    process.stderr.write(`The tests need ${names}, not found in PATH. Install with:\n\n  ${line}\n\n`);
    process.exitCode = 1;
  }
}

/** The tests start servers of their own; a service on the standard port would only be in the way. */
function withoutServices(work: () => void): void {
  if (existsSync(SERVICE_POLICY)) return work();
  writeFileSync(SERVICE_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    work();
  } finally {
    rmSync(SERVICE_POLICY);
  }
}

installReaders();
renderDocs();

/** Gateways in a clone serve these pages; rendering them on the first request would take longer than some tests wait. */
function renderDocs(): void {
  const program = fileURLToPath(new URL('../codegen/site/cached.ts', import.meta.url));
  // A contract that cannot be rendered is reported here and by the tests.
  spawnSync(process.execPath, [program], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The tools have packages of their own, so that neither a user nor a developer who only builds has to install them. */
function installReaders(): void {
  const directory = fileURLToPath(new URL('../codegen/readers', import.meta.url));
  const lock = join(directory, 'package-lock.json');
  // npm writes this file at the end of an installation.
  const installed = join(directory, 'node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  process.stderr.write('Installing the tools that must read the contract (codegen/readers).\n');
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts'], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) process.exitCode = 1;
}

function install(packages: readonly string[]): void {
  process.stderr.write(`Installing Debian's ${packages.join(' and ')} for the tests.\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const steps = [
    ['update', '-q'],
    ['install', '-q', '-y', '--no-install-recommends', ...packages],
  ];
  for (const step of steps) {
    const { status, error, stdout, stderr } = spawnSync('apt-get', step, { env, encoding: 'utf8' });
    if (status === 0) continue;
    process.stderr.write(`apt-get ${step.join(' ')} failed: ${error?.message ?? `${stdout}\n${stderr}`}\n`);
    return;
  }
}
