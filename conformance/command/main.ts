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

/** Masks the value of an option that does not exist, such as `--token=…`: messages end in logs. */
function withoutCredentials(text: string): string {
  return text.replaceAll(/(--(?:token|api-key)=)[^\s']*/g, '$1…');
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
