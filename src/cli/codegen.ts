/**
 * Loads `tidemark-codegen` when a command needs it. The package is optional, because a gateway in production needs no code generation. In a
 * clone, the sources of the package are beside `src/` and are loaded directly.
 */
import { existsSync } from 'node:fs';
import type * as Compatibility from 'tidemark-codegen/breaking/compatibility';
import type * as Directory from 'tidemark-codegen/directory';
import type * as BuiltForm from 'tidemark-codegen/own-events/built-form';
import type * as Open from 'tidemark-codegen/own-events/open';
import type * as Starter from 'tidemark-codegen/own-events/starter';
import type * as Summary from 'tidemark-codegen/own-events/summary';
import type * as Generate from 'tidemark-codegen/generate';
import type * as SiteBuild from 'tidemark-codegen/site/build';
import type * as Source from 'tidemark-codegen/source';
import { packageVersion } from '../version.ts';
import { CliError, EXIT } from './exit.ts';

interface CodegenModules {
  readonly 'breaking/compatibility': typeof Compatibility;
  readonly directory: typeof Directory;
  readonly 'own-events/built-form': typeof BuiltForm;
  readonly 'own-events/open': typeof Open;
  readonly 'own-events/starter': typeof Starter;
  readonly 'own-events/summary': typeof Summary;
  readonly generate: typeof Generate;
  readonly 'site/build': typeof SiteBuild;
  readonly source: typeof Source;
}

/**
 * Loads a module of the package.
 * @param command the command that needs the module, such as `tidemark generate`; it is named in the error message
 * @throws {CliError} with exit code 2 if the package is missing. The message contains the command that installs the package.
 */
export async function loadCodegen<Name extends keyof CodegenModules>(
  name: Name,
  command: string,
): Promise<CodegenModules[Name]> {
  const source = new URL(`../../codegen/${name}.ts`, import.meta.url);
  try {
    return (await import(existsSync(source) ? source.href : `tidemark-codegen/${name}`)) as CodegenModules[Name];
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new CliError(
      `${command} needs the package tidemark-codegen, which is not installed. Install it with:\n\n` +
        `  npm install --save-dev tidemark-codegen@${packageVersion()}\n`,
      EXIT.usage,
      { cause: error },
    );
  }
}

/** Whether the package itself was not found, as opposed to a module that the package imports. */
function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes("'tidemark-codegen'")
  );
}
