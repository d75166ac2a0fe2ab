#!/usr/bin/env node
/**
 * `tidemark-mcp`: serves MCP in front of a gateway. stdout is used only for the protocol; everything else goes to
 * stderr.
 */
import { once } from 'node:events';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { withoutCredentials } from '../src/cli/credential-mask.ts';
import { CliError, EXIT } from '../src/cli/exit.ts';
import { append } from '../src/cli/event-options.ts';
import { remoteOptions } from '../src/cli/remote.ts';
import type { RemoteOptions } from '../src/cli/remote.ts';
import { plain } from '../src/cli/terminal.ts';
import { packageVersion } from '../src/version.ts';
import { readContract } from './contract/contract.ts';
import type { Contract } from './contract/contract.ts';
import { Gateway } from './gateway/gateway.ts';
import { readCallers } from './serve/callers.ts';
import { serveOverHttp } from './serve/http.ts';
import { serveOverStdio } from './serve/stdio.ts';
import { WEBHOOK_DEFAULTS } from './webhooks/webhooks.ts';

interface Options extends RemoteOptions {
  readonly contract?: string;
  readonly stream?: readonly string[];
  readonly http?: Address;
  readonly callers?: string;
  readonly allowHost?: readonly string[];
  readonly allowPrivateCallbacks?: true;
  readonly insecure?: true;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

const program = remoteOptions(new Command('tidemark-mcp'))
  .description('MCP server of a Tidemark gateway, over stdio or, with --http, over HTTP.')
  .version(packageVersion())
  .option(
    '--contract <path>',
    'contract with your own events: the document that declares them, or the directory that `tidemark contract build` wrote',
  )
  .option('--stream <name>', 'a stream to list as a resource; may be repeated (default: main)', append)
  .option('--http <host:port>', 'serve over HTTP at this address, such as 127.0.0.1:7410', readAddress)
  .option(
    '--callers <file>',
    'with --http: JSON file that lists the callers, the hashes of their tokens and the files with their gateway credentials',
  )
  .option(
    '--allow-host <name>',
    'with --http: a host name by which clients and web pages reach this server; may be repeated',
    append,
  )
  .option(
    '--insecure',
    'with --http: serve a public address even if --callers is missing; anyone who can reach it then has the full access of the gateway credential',
  )
  .option(
    '--allow-private-callbacks',
    'for development: allow webhooks to http URLs and to addresses that are not public',
  )
  .exitOverride()
  .configureOutput({
    writeOut: (text) => process.stderr.write(text),
    outputError: (text, write) => write(withoutCredentials(text)),
  })
  .action(serve);

async function serve(options: Options): Promise<void> {
  const end = new AbortController();
  process.once('SIGINT', () => end.abort()).once('SIGTERM', () => end.abort());
  const contract = await readContract(options.contract);
  if (options.http === undefined) refuseHttpOptions(options);
  else return serveHttp(options, { ...options.http, contract, signal: end.signal });
  await serveOverStdio({ contract, gateway: new Gateway(options), onFault, ...streamsOf(options) }, end.signal);
}

/**
 * If `--http` is missing, rejects the options that need `--http`. Without this check, a server meant for several callers would use the
 * operator's credential for everyone.
 */
function refuseHttpOptions({ callers, allowHost, insecure, allowPrivateCallbacks }: Options): void {
  const given = Object.entries({
    '--callers': callers,
    '--allow-host': allowHost,
    '--insecure': insecure,
    '--allow-private-callbacks': allowPrivateCallbacks,
  }).find(([, value]) => value !== undefined);
  if (given !== undefined)
    throw new CliError(`${given[0]} needs --http. Add --http HOST:PORT, or leave ${given[0]} out.`, EXIT.usage);
}

async function serveHttp(
  options: Options,
  { host, port, contract, signal }: Address & { readonly contract: Contract; readonly signal: AbortSignal },
): Promise<void> {
  if (options.callers === undefined && !LOOPBACK.has(host) && options.insecure !== true)
    throw new CliError(
      `Anyone who can reach ${host} would have the full access of the gateway credential. Give --callers FILE, or --insecure to allow this.`,
      EXIT.usage,
    );
  const service = await serveOverHttp({
    ...{ host, port, contract, onFault, gateway: options, allowedHosts: options.allowHost ?? [] },
    ...streamsOf(options),
    ...(options.callers === undefined ? {} : { callers: await readCallers(options.callers) }),
    webhooks: {
      ...WEBHOOK_DEFAULTS,
      endpoint: { ...WEBHOOK_DEFAULTS.endpoint, allowPrivate: options.allowPrivateCallbacks === true },
    },
  });
  log(`serving ${service.url}`);
  if (!signal.aborted) await once(signal, 'abort');
  await service.close();
}

function streamsOf({ stream }: Options): { readonly streams?: readonly string[] } {
  return stream === undefined ? {} : { streams: stream };
}

function readAddress(text: string): Address {
  const [, ipv6, name, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = ipv6 ?? name;
  if (host === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('Expected HOST:PORT, such as 127.0.0.1:7410.');
  return { host, port: Number(port) };
}

/** Writes a fault to the log of this program. */
function onFault(error: unknown): void {
  // Ignore a client that disconnects before it has sent its whole request or read its whole response.
  if (error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ECONNRESET')) return;
  log(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

function log(text: string): void {
  process.stderr.write(`tidemark-mcp: ${withoutCredentials(text)}\n`);
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
