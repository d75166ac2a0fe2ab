/** `tidemark`: the command line. Data goes to stdout, talk to stderr; exit codes are those of `exit.ts`. */
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../options.ts';
import { registerBroadcast } from './broadcast.ts';
import { registerConfig } from './config.ts';
import { CliError, EXIT } from './exit.ts';
import { registerGenerate } from './generate.ts';
import { registerKey } from './key.ts';
import { registerListen } from './listen.ts';
import { registerServe } from './serve.ts';
import { registerStatus } from './status.ts';
import { say, tint } from './terminal.ts';
import { registerToken } from './token.ts';

function createProgram(): Command {
  const program = new Command('tidemark')
    .description('Real-time events of files and code graphs, without silent loss.')
    .version(packageVersion())
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', '\nAnd the suite that holds any implementation to the contract: tidemark conformance --help')
    .exitOverride();
  for (const register of [
    registerServe,
    registerListen,
    registerBroadcast,
    registerStatus,
    registerConfig,
    registerToken,
    registerKey,
    registerGenerate,
  ])
    register(program);
  return program;
}

async function run(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync([...argv]);
  } catch (error) {
    process.exitCode = exitCodeFor(error);
  }
}

function exitCodeFor(error: unknown): number {
  // Whoever reads the output has gone: an end like any other.
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return EXIT.ok;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CliError) {
    say(tint('red', error.message));
    return error.exitCode;
  }
  say(tint('red', error instanceof Error ? (error.stack ?? error.message) : String(error)));
  return EXIT.runtime;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
});
await run(process.argv);
