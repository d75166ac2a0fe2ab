/** `tidemark serve`: a gateway, and the directories that it watches, until it is told to stop. */
import type { Command } from 'commander';
import pino from 'pino';
import type { Logger } from 'pino';
import { resolveLimits } from '../options.ts';
import { RedisBroker } from '../broker/redis.ts';
import type { Config } from '../config.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway, GatewayOptions, Listening } from '../gateway.ts';
import { eventTable } from '../replay/policy.ts';
import { FileFeed } from '../sources/file-feed.ts';
import { FileSource } from '../sources/file-source.ts';
import { openAuthentication } from './authentication.ts';
import { configurationOptions, problemLines, readConfiguration } from './configuration.ts';
import { CliError, EXIT } from './exit.ts';
import { createLog } from './log.ts';
import { reasonOf } from './reason.ts';
import { startReport } from './serve-report.ts';
import { printJson, say, tint } from './terminal.ts';

export function registerServe(program: Command): void {
  configurationOptions(program.command('serve'))
    .description('serve events over WebSocket, and watch directories')
    .option('--json', 'print the addresses as one line of JSON once it serves')
    .action(serve);
}

interface Watching {
  readonly source: FileSource;
  readonly feed: FileFeed;
}

async function serve(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const resolved = readConfiguration(flags);
  if (resolved.problems.length > 0) throw new CliError(problemLines(resolved.problems), EXIT.usage);
  const { config } = resolved;
  const { log, release } = createLog(config.logLevel);
  const options = gatewayOptions(config, log);
  const authenticator = await openAuthentication(config, log);
  const gateway = createGateway({ ...options, ...(authenticator === undefined ? {} : { authenticator }) });
  const watching: Watching[] = [];
  const stop = stopOnSignals(gateway, watching);
  try {
    const listening = await listen(gateway, config);
    release();
    for (const target of config.watch) watching.push(await watch(gateway, config, target));
    say(startReport({ resolved, gateway, listening, watching: watching.map(({ source }) => source) }));
    if (flags['json'] === true) await printJson(addresses(gateway, listening));
  } catch (error) {
    await stop.abandon();
    if (config.logLevel === 'debug') release();
    throw error;
  }
}

function addresses({ nodeId }: Gateway, { url, httpUrl }: Listening): object {
  return { url, httpUrl, nodeId, pid: process.pid };
}

function gatewayOptions(config: Config, log: Logger): GatewayOptions {
  const { limits, replay, nodeId, redis, auditFile } = config;
  return {
    path: config.path,
    limits,
    replay,
    broadcast: config.broadcast,
    allowedOrigins: config.allowedOrigins,
    allowedHosts: config.allowedHosts,
    insecure: config.insecure,
    log,
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(redis === undefined
      ? {}
      : { broker: new RedisBroker({ url: redis, limits: resolveLimits(limits), events: eventTable(replay), log }) }),
    ...(auditFile === undefined ? {} : { auditSink: auditSink(auditFile) }),
  };
}

/**
 * Each line is written before what it tells of goes on, so that none is missing when the process ends.
 * @throws {CliError} when the file cannot be opened: what is to be audited is not served without
 */
function auditSink(file: string): (line: string) => void {
  const unwritable = (error: unknown): string => `The audit log ${file} cannot be written: ${reasonOf(error)}`;
  try {
    const destination = pino.destination({ dest: file, append: true, sync: true, mode: 0o600 });
    destination.on('error', (error: unknown) => say(tint('red', unwritable(error))));
    return (line) => void destination.write(`${line}\n`);
  } catch (error) {
    throw new CliError(unwritable(error), EXIT.usage, { cause: error });
  }
}

async function listen(gateway: Gateway, { host, port }: Config): Promise<Listening> {
  try {
    return await gateway.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') {
      const text = `Something listens on ${host}:${port} already. Stop it, or choose another port: --port 0 takes a free one.`;
      throw new CliError(text, EXIT.runtime, { cause: error });
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`The gateway cannot start: ${reason}`, EXIT.runtime, { cause: error });
  }
}

async function watch(
  gateway: Gateway,
  { watchStream: stream }: Config,
  { directory, root }: Config['watch'][number],
): Promise<Watching> {
  const feed = new FileFeed({
    target: {
      publish: (change, idempotencyKey) =>
        gateway.publish('file_change', change, { stream, source: 'files', idempotencyKey }),
      announceLoss: (paths) => gateway.announceLoss({ stream, paths }),
    },
    warn: (text) => say(tint('yellow', `${root}: ${text}`)),
  });
  const source = new FileSource({ directory, root, listener: feed });
  try {
    await source.start();
  } catch (error) {
    throw new CliError(`${directory} cannot be watched: ${reasonOf(error)}`, EXIT.usage, { cause: error });
  }
  // The stream outlives this process, and nobody has watched since the last one ended.
  if (gateway.health().broker.kind === 'redis') feed.loss(['']);
  return { source, feed };
}

interface Stop {
  /** Ends what has begun, where the start failed. */
  abandon(): Promise<void>;
}

/** The first signal drains (CON-5), a second one ends at once. */
function stopOnSignals(gateway: Gateway, watching: readonly Watching[]): Stop {
  let stopping = false;
  const end = async (drainMs?: number): Promise<void> => {
    await Promise.all(watching.map(({ source }) => source.close()));
    await Promise.all(watching.map(({ feed }) => feed.close()));
    await gateway.close(drainMs === undefined ? {} : { drainMs });
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    process.exitCode = signal === 'SIGINT' ? EXIT.interrupted : EXIT.ok;
    if (stopping) {
      say(tint('yellow', 'stopping at once'));
      void gateway.close({ drainMs: 0 }).finally(() => process.exit());
      return;
    }
    stopping = true;
    say(tint('dim', `${signal}: draining; once more ends at once`));
    end().then(
      () => process.exit(),
      (error: unknown) => {
        say(tint('red', `The gateway did not stop cleanly: ${reasonOf(error)}`));
        process.exit(EXIT.runtime);
      },
    );
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return { abandon: () => end(0) };
}
