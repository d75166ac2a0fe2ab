/** The option `--scope`, which specifies the scopes of a credential. */
import { Option } from 'commander';
import { parseScope } from '../auth/scope.ts';
import { CliError, EXIT } from './exit.ts';
import { reasonOf } from './reason.ts';

const EXAMPLE = 'subscribe:file_change@main';

export function scopeOption(): Option {
  return new Option('--scope <scope>', `scope, for example ${EXAMPLE}; may be repeated`).argParser(collect);
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** Reads the scopes. @throws {CliError} if no scope is given, or if a scope is invalid */
export function scopesOf({ scope = [] }: { readonly scope?: readonly string[] }): readonly string[] {
  if (scope.length === 0)
    throw new CliError(
      `A credential without scopes allows nothing. Give at least one scope, for example --scope ${EXAMPLE}`,
      EXIT.usage,
    );
  for (const each of scope) checkScope(each);
  return scope;
}

function checkScope(text: string): void {
  try {
    parseScope(text);
  } catch (error) {
    const several = /[\s,]/.test(text.trim()) ? ' For several scopes, repeat --scope.' : '';
    throw new CliError(`--scope: ${reasonOf(error)}${several}`, EXIT.usage, { cause: error });
  }
}
