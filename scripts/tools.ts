/** Programs that the tests and the smoke test run, and where to find them. */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Tool {
  /** Possible names of the program, the preferred one first. */
  readonly commands: readonly string[];
  /** For a package without a command: a file that exists if the package is installed. */
  readonly file?: string;
  readonly debianPackage: string;
  readonly brewFormula: string;
}

export const REDIS: Tool = { commands: ['redis-server'], debianPackage: 'redis-server', brewFormula: 'redis' };
/** Creates the certificates of the tests. */
export const OPENSSL: Tool = { commands: ['openssl'], debianPackage: 'openssl', brewFormula: 'openssl' };
/**
 * Runs the independent server with which the conformance suite is tested. That server needs no package besides the standard library.
 */
export const PYTHON: Tool = { commands: ['python3'], debianPackage: 'python3', brewFormula: 'python' };
/**
 * The Python packages that the tests of the Python client need: its only dependency, a type checker, and the tools to
 * build a wheel.
 */
export const PYTHON_PACKAGES: readonly Tool[] = [
  { commands: ['mypy'], debianPackage: 'mypy', brewFormula: 'mypy' },
  ...['websockets', 'pip', 'setuptools', 'wheel'].map((name) => ({
    commands: [`python3-${name}`],
    file: `/usr/lib/python3/dist-packages/${name}/__init__.py`,
    debianPackage: `python3-${name}`,
    brewFormula: `python-${name}`,
  })),
];
/** Checks the metrics and the alert rules. */
export const PROMTOOL: Tool = { commands: ['promtool'], debianPackage: 'prometheus', brewFormula: 'prometheus' };
/**
 * The proxy in front of a gateway, in the tests of the examples in deploy/. Debian installs it in /usr/sbin, which is
 * not in every PATH.
 */
export const NGINX: Tool = { commands: ['nginx'], debianPackage: 'nginx', brewFormula: 'nginx' };
/** Checks the Caddyfile in deploy/. */
export const CADDY: Tool = { commands: ['caddy'], debianPackage: 'caddy', brewFormula: 'caddy' };
/** Rates the security of the systemd unit in deploy/. It exists on Linux only. */
export const SYSTEMD_ANALYZE: Tool = { commands: ['systemd-analyze'], debianPackage: 'systemd', brewFormula: 'none' };
/** The client with which tests read server-sent events. */
export const CURL: Tool = { commands: ['curl'], debianPackage: 'curl', brewFormula: 'curl' };
/** On the runners of the public CI, `google-chrome` is part of the image. */
export const CHROMIUM: Tool = {
  commands: ['chromium', 'chromium-browser', 'google-chrome'],
  debianPackage: 'chromium',
  brewFormula: '--cask chromium',
};

/** Compiles the client in examples/go-client, which needs one package besides the standard library. */
export const GO: Tool = { commands: ['go'], debianPackage: 'golang-go', brewFormula: 'go' };
const GO_WEBSOCKET: Tool = {
  commands: ['github.com/gorilla/websocket'],
  file: '/usr/share/gocode/src/github.com/gorilla/websocket/conn.go',
  debianPackage: 'golang-github-gorilla-websocket-dev',
  brewFormula: 'none',
};
/** Compiles the client in examples/client-java. */
export const JAVAC: Tool = { commands: ['javac'], debianPackage: 'default-jdk-headless', brewFormula: 'openjdk' };

/** Every program that only `npm run test:slow` needs. */
export const SLOW_TOOLS: readonly Tool[] = [GO, GO_WEBSOCKET, JAVAC];

/** Every program that the tests need. */
export const TOOLS: readonly Tool[] = [
  REDIS,
  CHROMIUM,
  CURL,
  OPENSSL,
  PROMTOOL,
  NGINX,
  CADDY,
  SYSTEMD_ANALYZE,
  PYTHON,
  ...PYTHON_PACKAGES,
];

/** The path of the program; undefined if it is neither at its fixed path nor in PATH or `/usr/sbin`. */
export function locate(tool: Tool): string | undefined {
  if (tool.file !== undefined) return existsSync(tool.file) ? tool.file : undefined;
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'].filter(
    (directory) => directory !== '',
  );
  return tool.commands
    .flatMap((command) => directories.map((directory) => join(directory, command)))
    .find(isExecutable);
}

/** The path of the program. @throws {Error} if it is not installed */
export function programOf(tool: Tool): string {
  const program = locate(tool);
  const option = SLOW_TOOLS.includes(tool) ? ' --slow' : '';
  if (program === undefined)
    throw new Error(`${tool.commands[0] ?? ''} is missing: run node scripts/ensure-tools.ts${option}`);
  return program;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
