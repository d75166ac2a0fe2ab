/** Reads the version of this package. */
import { readFileSync } from 'node:fs';

/** The packages that contain this file. All packages of a release have the same version. */
const NAMES: ReadonlySet<string | undefined> = new Set(['tidemark', 'tidemark-mcp']);

/** The version of this package. `package.json` is two directories above dist/src, and one above src. */
export function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (NAMES.has(name) && version !== undefined) return version;
    } catch {
      continue;
    }
  }
  return '0.0.0';
}
