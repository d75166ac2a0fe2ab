#!/usr/bin/env node
/**
 * Starts the command line. This file is plain JavaScript. Every Node since 18 can read it, so an old Node prints a useful message instead
 * of a syntax error.
 * In an installed package, this file loads dist/. In a clone, it runs the TypeScript sources. Node can strip types since 22.18, and the
 * gateway needs 22.21. If the running Node is older, this file starts the Node that `npm ci` installed.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// The conformance suite is a separate package, because it shares only the contract with the gateway. It is started by the same command.
const isConformance = process.argv[2] === 'conformance';
if (isConformance) process.argv.splice(2, 1);
const PROGRAM = isConformance ? 'conformance/command/main' : 'src/cli/main';
const SOURCES = new URL(`../${PROGRAM}.ts`, import.meta.url);
const BUILT = new URL(`../dist/${PROGRAM}.js`, import.meta.url);
const OWN_NODE = new URL(
  process.platform === 'win32' ? '../node_modules/node/bin/node.exe' : '../node_modules/node/bin/node',
  import.meta.url,
);
const USAGE_ERROR = 2;

if (existsSync(SOURCES)) {
  if (runningNodeIsAtLeast(22, 21)) await import(SOURCES.href);
  else if (existsSync(OWN_NODE)) handOver(fileURLToPath(OWN_NODE));
  else refuse('22.21', 'or run `npm ci` in the clone, which installs a suitable Node');
} else if (!runningNodeIsAtLeast(22, 21)) {
  refuse('22.21', 'for example with `npx -p node@24 -p tidemark tidemark`');
} else if (isConformance) {
  await runConformance();
} else {
  await import(BUILT.href);
}

async function runConformance() {
  try {
    await import('tidemark-conformance/main');
  } catch (error) {
    const missing =
      error instanceof Error &&
      'code' in error &&
      error.code === 'ERR_MODULE_NOT_FOUND' &&
      error.message.includes("'tidemark-conformance'");
    if (!missing) throw error;
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    process.stderr.write(
      'tidemark conformance needs the package tidemark-conformance, which is not installed. Install it with:\n\n' +
        `  npm install --save-dev tidemark-conformance@${version}\n\n`,
    );
    process.exitCode = USAGE_ERROR;
  }
}

/**
 * @param {number} major
 * @param {number} minor
 */
function runningNodeIsAtLeast(major, minor) {
  const [runningMajor = 0, runningMinor = 0] = process.versions.node.split('.').map(Number);
  return runningMajor > major || (runningMajor === major && runningMinor >= minor);
}

/**
 * @param {string} needed
 * @param {string} hint
 */
function refuse(needed, hint) {
  process.stderr.write(
    `tidemark needs Node ${needed} or later; this is ${process.version}. Use a newer Node, ${hint}.\n`,
  );
  process.exitCode = USAGE_ERROR;
}

/**
 * Runs the sources in a child process, and exits with the child's exit code. A signal must not end this process, because the shell would
 * show its prompt while the gateway still drains. At a terminal, Ctrl-C and a hang-up are not passed on: the terminal sends them to the
 * child itself. If the child received Ctrl-C twice, it would stop draining.
 *
 * @param {string} node
 */
function handOver(node) {
  const child = spawn(node, [fileURLToPath(SOURCES), ...process.argv.slice(2)], { stdio: 'inherit' });
  const atTerminal = process.stdin.isTTY || process.stderr.isTTY;
  /** @type {readonly NodeJS.Signals[]} */
  const fromTerminal = ['SIGINT', 'SIGHUP'];
  for (const signal of fromTerminal) process.on(signal, () => atTerminal || child.kill(signal));
  process.on('SIGTERM', () => child.kill('SIGTERM'));

  child.on('error', (error) => {
    process.stderr.write(`tidemark: ${node} could not be started: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
