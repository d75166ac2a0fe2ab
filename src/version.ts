/** The version of this package. */
import { readFileSync } from 'node:fs';

/** The packages that contain this file; a release gives all packages the same version. */
const NAMES: ReadonlySet<string | undefined> = new Set(['tidemark', 'tidemark-mcp']);

/** The package's own version: package.json is two levels above dist/src and one above src. */
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
