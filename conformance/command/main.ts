#!/usr/bin/env node
/** `tidemark conformance`: the suite, without the gateway. */
import { Command, CommanderError } from 'commander';
import { registerClient } from './client.ts';
import { registerClientMutants } from './client-mutants.ts';
import { registerConformance } from './register.ts';
import { registerHostile } from './hostile.ts';
import { registerMutants } from './mutants.ts';
import { EXIT } from '../runner/verdict.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of the output has closed the pipe: exit normally.
  if (error.code === 'EPIPE') process.exit(0);
});

/**
 * Masks what may be a credential in the arguments that a message quotes, because messages end in logs: the value of an option after `=`, and
 * the user part, the parameters and the fragment of an address with a scheme.
 */
function withoutCredentials(text: string): string {
  const values = process.argv.slice(2).flatMap((argument) => [argument, argument.replace(/^-[^=]*=/, '')]);
  let shown = text;
  // The longest first, because an argument may begin with another one.
  for (const value of values.toSorted((a, b) => b.length - a.length))
    shown = shown.replaceAll(value, () => masked(value));
  return shown;
}

/** The value without the value of an option, or without the user part, the parameters and the fragment of an address. */
function masked(value: string): string {
  return value
    .replace(/^(-[^=]*=).*$/s, '$1…')
    .replace(/:\/\/.*@/s, '://…@')
    .replace(/(:\/\/[^?#]*[?#]).*$/s, '$1…');
}

const program = new Command('tidemark conformance')
  .description('Tests any gateway, and any client, against the contract.')
  .showHelpAfterError('(see --help)')
  .configureOutput({ outputError: (text, write) => write(withoutCredentials(text)) })
  .exitOverride();
registerConformance(program);
registerHostile(program);
registerMutants(program);
registerClient(program);
registerClientMutants(program);
for (const command of program.commands) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}
