#!/usr/bin/env node
/** `tidemark-mcp`: serves MCP in front of a gateway. stdout is for the protocol; everything else goes to stderr. */
import { Command, CommanderError } from 'commander';
import { CliError, EXIT } from '../src/cli/exit.ts';
import { remoteOptions } from '../src/cli/remote.ts';
import type { RemoteOptions } from '../src/cli/remote.ts';
import { plain } from '../src/cli/terminal.ts';
import { packageVersion } from '../src/version.ts';
import { readContract } from './contract/contract.ts';
import { Gateway } from './gateway/gateway.ts';
import { serveOverStdio } from './serve/stdio.ts';

interface Options extends RemoteOptions {
  readonly contract?: string;
}

const program = remoteOptions(new Command('tidemark-mcp'))
  .description('MCP server of a Tidemark gateway, over stdio.')
  .version(packageVersion())
  .option('--contract <path>', 'own events: the document, or the directory of `tidemark contract build`')
  .exitOverride()
  .configureOutput({ writeOut: (text) => process.stderr.write(text) })
  .action(serve);

async function serve(options: Options): Promise<void> {
  const end = new AbortController();
  process.once('SIGINT', () => end.abort()).once('SIGTERM', () => end.abort());
  const contract = await readContract(options.contract);
  const gateway = new Gateway(options);
  await serveOverStdio({ contract, gateway, onFault }, end.signal);
}

/** The log of this program. Errors of libraries have no credential in their texts: none is ever part of an address. */
function onFault(error: unknown): void {
  log(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

function log(text: string): void {
  process.stderr.write(`tidemark-mcp: ${text}\n`);
}

process.stderr.on('error', () => undefined);
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else if (error instanceof CliError) {
    log(plain(error.message));
    process.exitCode = error.exitCode;
  } else {
    onFault(error);
    process.exitCode = EXIT.runtime;
  }
}
