/** The hostile pack on its own: `node conformance/hostile/main.ts --url ws://127.0.0.1:7400/ws`. */
import { Command } from 'commander';
import { configureHostile } from './command.ts';

/** A wrong option is a usage error like any other. */
const USAGE = 2;

await configureHostile(new Command('hostile'))
  .exitOverride(({ exitCode, code }) =>
    process.exit(code.startsWith('commander.') && exitCode === 1 ? USAGE : exitCode),
  )
  .parseAsync();
