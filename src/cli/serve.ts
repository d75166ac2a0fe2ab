/** `tidemark serve`: runs a gateway and watches directories until a signal ends it. */
import type { Command } from 'commander';
import type { Logger } from 'pino';
import { redisBroker } from '../broker/redis/redis-broker.ts';
import type { Config, Resolved } from '../config/config.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway, GatewayOptions, Listening } from '../gateway.ts';
import { watchDirectory } from '../sources/watched-directory.ts';
import type { WatchedDirectory } from '../sources/watched-directory.ts';
import { openAuditFile } from './audit-file.ts';
import type { AuditFile } from './audit-file.ts';
import { openAuthentication } from './authentication.ts';
import { configurationOptions, problemLines, readConfiguration } from './configuration.ts';
import { CliError, EXIT } from './exit.ts';
import { createLog } from './log.ts';
import type { Log, Notices } from './log.ts';
import { openContract } from './open-contract.ts';
import { reasonOf, watchFault } from './reason.ts';
import { waitForRedis } from './redis-wait.ts';
import { startReport } from './serve-report.ts';
import { stopOnSignals } from './stop-on-signals.ts';
import { printJson, printStatus } from './terminal.ts';
import { runWorkers } from './workers/primary.ts';
import { WorkerLink } from './workers/worker.ts';

export function registerServe(program: Command): void {
  configurationOptions(program.command('serve'))
    .description('serve events over WebSocket, and watch directories')
    .option('--json', 'print the addresses as one line of JSON when ready')
    .action(serve);
}

async function serve(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const resolved = readConfiguration(flags);
  const { config } = resolved;
  const output = createLog({ level: config.logLevel, format: config.logFormat });
  const json = flags['json'] === true;
  const link = WorkerLink.ofThisProcess();
  try {
    if (resolved.problems.length > 0) throw new CliError(problemLines(resolved.problems), EXIT.usage);
    const { workers } = config;
    if (workers > 1 && link === undefined) await runWorkers({ workers, json, notices: output.notices });
    else await serveHere(resolved, { json, link, output });
  } catch (error) {
    // End the connection to the primary process, because it would keep this worker running.
    link?.end();
    if (!(error instanceof CliError) || output.notices.format === 'text') throw error;
    output.notices.error(error.message);
    process.exitCode = error.exitCode;
  }
}

interface Serving {
  readonly json: boolean;
  readonly link: WorkerLink | undefined;
  readonly output: Log;
}

async function serveHere(resolved: Resolved, { json, link, output }: Serving): Promise<void> {
  const { config } = resolved;
  const { log, notices, release } = output;
  const audit = openAudit(config, notices);
  const options = gatewayOptions(config, { log, audit, link });
  const wait = { waitMs: config.redisWaitMs, notices };
  const authenticator = await waitForRedis(() => openAuthentication(config, log), wait);
  const gateway = await makeGateway(config, { ...options, ...(authenticator === undefined ? {} : { authenticator }) });
  const watching: WatchedDirectory[] = [];
  const signals = link?.signals ?? process;
  const stop = stopOnSignals({ signals, gateway, watching, audit, delayMs: config.shutdownDelayMs, notices });
  const watchAll = async (): Promise<void> => {
    for (const target of config.watch) watching.push(await watch(gateway, config, { ...target, notices }));
  };
  try {
    const listening = await waitForRedis(() => listen(gateway, config), wait);
    release();
    if (link?.watches ?? true) await watchAll();
    const report = startReport({ resolved, gateway, listening, watching }, notices);
    link?.onWatch(() => {
      watchAll().catch((error: unknown) => {
        notices.error(reasonOf(error));
        // End this worker. The primary process starts a new one, which watches the directories from its start.
        link.signals.emit('SIGTERM', 'SIGTERM');
      });
    });
    link?.reportMetrics(() => gateway.metrics());
    if (link !== undefined) return link.ready(report, addresses(gateway, listening));
    if (report !== '') printStatus(report);
    if (json) await printJson(addresses(gateway, listening));
  } catch (error) {
    await stop.abandon();
    if (config.logLevel === 'debug') release();
    throw error;
  }
}

function openAudit({ auditFile: file }: Config, notices: Notices): AuditFile | undefined {
  return file === undefined ? undefined : openAuditFile({ file, report: (text) => notices.error(text) });
}

async function makeGateway({ contract }: Config, options: GatewayOptions): Promise<Gateway> {
  if (contract === undefined) return createGateway(options);
  const opened = await openContract(contract);
  try {
    return createGateway({ ...options, contract: opened.contract });
  } catch (error) {
    await opened.dispose();
    // For example, a configured replay policy is not allowed for an event of this contract.
    throw error instanceof RangeError ? new CliError(error.message, EXIT.usage, { cause: error }) : error;
  }
}

function addresses({ nodeId }: Gateway, { url, httpUrl }: Listening): object {
  return { url, httpUrl, nodeId, pid: process.pid };
}

interface Parts {
  readonly log: Logger;
  readonly audit: AuditFile | undefined;
  readonly link: WorkerLink | undefined;
}

function gatewayOptions(config: Config, { log, audit, link }: Parts): GatewayOptions {
  const { limits, replay, redis } = config;
  // Each worker is a node, and nodes need different names: a node would replace another one of the same name in Redis.
  const nodeId = link === undefined || config.nodeId === undefined ? config.nodeId : `${config.nodeId}-${process.pid}`;
  return {
    path: config.path,
    limits,
    replay,
    broadcast: config.broadcast,
    allowedOrigins: config.allowedOrigins,
    allowedHosts: config.allowedHosts,
    trustedProxies: config.trustedProxies,
    forwardedHeader: config.forwardedHeader,
    insecure: config.insecure,
    log,
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(redis === undefined ? {} : { broker: redisBroker({ url: redis }) }),
    ...(audit === undefined ? {} : { auditSink: audit.sink }),
    ...(link === undefined ? {} : { collectMetrics: (own) => link.collectMetrics(own) }),
  };
}

async function listen(gateway: Gateway, { host, port }: Config): Promise<Listening> {
  try {
    return await gateway.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') {
      const text = `${host}:${port} is already in use. Stop the other program, or choose another port: --port 0 chooses a free port.`;
      throw new CliError(text, EXIT.runtime, { cause: error });
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`The gateway cannot start: ${reason}`, EXIT.runtime, { cause: error });
  }
}

interface Watch {
  readonly directory: string;
  readonly root: string;
  readonly notices: Notices;
}

async function watch(
  gateway: Gateway,
  { watchStream: stream, watchHashBytes: hashBytes }: Config,
  { directory, root, notices }: Watch,
): Promise<WatchedDirectory> {
  const onWarning = (text: string): void => notices.warn(`${root}: ${text}`);
  try {
    return await watchDirectory(gateway, {
      directory,
      root,
      stream,
      hashBytes,
      onWarning,
      onProgress: reportProgress(root, notices),
    });
  } catch (error) {
    throw new CliError(`--watch: ${watchFault(directory, error)}`, EXIT.usage, { cause: error });
  }
}

/** Reports progress each second while a large directory is being read. */
function reportProgress(root: string, notices: Notices): (known: number) => void {
  let next = Date.now() + 1_000;
  return (known) => {
    if (Date.now() < next) return;
    next = Date.now() + 1_000;
    notices.info(`${root}: ${known} files and directories read so far`);
  };
}
