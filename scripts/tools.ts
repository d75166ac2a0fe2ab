/** Programs that the tests and the smoke test run, and where to find them. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Tool {
  /** The names that the program goes by, best first. */
  readonly commands: readonly string[];
  readonly debianPackage: string;
  readonly brewFormula: string;
}

export const REDIS: Tool = { commands: ['redis-server'], debianPackage: 'redis-server', brewFormula: 'redis' };
/** Makes the certificates of the tests. */
export const OPENSSL: Tool = { commands: ['openssl'], debianPackage: 'openssl', brewFormula: 'openssl' };
/** Runs the independent server that the conformance suite is proved with; its standard library is enough. */
export const PYTHON: Tool = { commands: ['python3'], debianPackage: 'python3', brewFormula: 'python' };
export const CHROMIUM: Tool = {
  commands: ['chromium', 'chromium-browser', 'google-chrome'],
  debianPackage: 'chromium',
  brewFormula: '--cask chromium',
};

/** The path of the program, or `undefined` where it is not on PATH. */
export function locate(tool: Tool): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return tool.commands
    .flatMap((command) => directories.map((directory) => join(directory, command)))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
