/** `tidemark mock`: a gateway that publishes example events and causes faults on demand, for front-end developers and tests. */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { serveControl } from '../mock/control.ts';
import { Mock, UnknownEventError } from '../mock/mock.ts';
import type { MockOptions } from '../mock/mock.ts';
import { readRecording } from '../mock/recording.ts';
import type { RecordedConnection } from '../mock/recording.ts';
import { ScriptError, readScript } from '../mock/script.ts';
import { CliError, EXIT } from './exit.ts';
import { openContract } from './open-contract.ts';
import { reasonOf } from './reason.ts';
import { printJson, printStatus, tint } from './terminal.ts';

interface MockFlags {
  readonly contract?: string;
  readonly host: string;
  readonly port: number;
  readonly every: number;
  readonly event: readonly string[];
  readonly tape?: string;
  readonly replies?: string;
  readonly actor: readonly string[];
  readonly pace: number;
  readonly control?: number;
  readonly delay: number;
  readonly jitter: number;
  readonly closeEvery?: number;
  readonly gapEvery?: number;
  readonly refuse?: number;
  readonly heartbeat?: number;
  readonly json?: true;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 };
const LONGEST_MS = 86_400_000;

function milliseconds(text: string): number {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|min)$/.exec(text) ?? [];
  const value = text === '0' ? 0 : Number(count) * (UNITS[unit] ?? Number.NaN);
  if (value >= 0 && value <= LONGEST_MS) return Math.round(value);
  throw new InvalidArgumentError('Expected a number with ms, s or min, for example 500ms, or 0.');
}

function port(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65_535 && text !== '') return value;
  throw new InvalidArgumentError('Expected a port from 0 to 65535.');
}

function status(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 400 && value <= 599) return value;
  throw new InvalidArgumentError('Expected an HTTP status from 400 to 599.');
}

function factor(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1000) return value;
  throw new InvalidArgumentError('Expected a number from 0 to 1000.');
}

function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

export function registerMock(program: Command): void {
  program
    .command('mock')
    .description('serve example events of a contract, with delays, losses, closes and refusals on demand')
    .option(
      '--contract <path>',
      'file that adds your own events to a contract (x-extends), or the directory that `tidemark contract build` wrote',
    )
    .option('--host <address>', 'address to listen on; loopback only', '127.0.0.1')
    .option('--port <n>', 'port to listen on; 0 chooses a free port', port, 7400)
    .option(
      '--every <duration>',
      'time between two example events; with 0, events are published only on request (--control)',
      milliseconds,
      1000,
    )
    .addOption(
      new Option('--event <name>', 'publish only the given event; may be repeated')
        .argParser(append)
        .default([], 'all declared events'),
    )
    .option(
      '--tape <file>',
      'publish the events of a tape or of a recorded trace, once, starting at the first subscription',
    )
    .option(
      '--replies <file>',
      'send the recorded messages of a server from the given trace, instead of running a gateway',
    )
    .addOption(
      new Option(
        '--actor <name>',
        'with --replies: use only the recorded connections of the given client; may be repeated',
      )
        .argParser(append)
        .default([], 'all clients'),
    )
    .option('--pace <factor>', 'with --replies: multiply the recorded pauses; 0 sends without a pause', factor, 1)
    .option(
      '--control <port>',
      'port of 127.0.0.1 that accepts HTTP requests to cause faults; 0 chooses a free port',
      port,
    )
    .option('--delay <duration>', 'delay every message of the server by the given time', milliseconds, 0)
    .option(
      '--jitter <duration>',
      'delay every message by an additional random time, up to the given duration',
      milliseconds,
      0,
    )
    .option(
      '--gap-every <duration>',
      'interval at which each connection loses one event, which is reported by a gap',
      milliseconds,
    )
    .option(
      '--close-every <duration>',
      'interval at which every connection is closed, as an overloaded gateway does',
      milliseconds,
    )
    .option('--refuse <status>', 'refuse the first connection with the given HTTP status', status)
    .option('--heartbeat <duration>', 'time between two heartbeats (default: 25s)', milliseconds)
    .option('--json', 'print the addresses as one line of JSON when ready')
    .addHelpText('after', '\nThe control address and its paths: docs/guides/mock.md')
    .action(mock);
}

async function mock(flags: MockFlags): Promise<void> {
  const excess = ['contract', 'tape', 'heartbeat'].find((name) => name in flags);
  if (flags.replies !== undefined && excess !== undefined)
    throw new CliError(
      `--${excess} has no effect with --replies, which replays a recording; remove one of the two flags.`,
      EXIT.usage,
    );
  const { tape, replies, pace } = flags;
  const script = tape === undefined ? undefined : readFrom('--tape', tape, readScript);
  const read = (text: string, file: string): readonly RecordedConnection[] => readRecording(text, file, flags.actor);
  const replay = replies === undefined ? undefined : { connections: readFrom('--replies', replies, read), pace };
  const made = await makeMock(flags, { ...(script && { script }), ...(replay && { replay }) });
  const { faults } = made;
  faults.delayMs = flags.delay;
  faults.jitterMs = flags.jitter;
  if (flags.refuse !== undefined) faults.upgrades.push({ status: flags.refuse, times: 1 });
  const control = await start(made, flags);
  repeat(flags.gapEvery, () => faults.lose('gap', 1));
  repeat(flags.closeEvery, () => made.closeAll('overloaded'));
  stopOnSignal(made, control);
}

function readFrom<T>(flag: string, file: string, read: (text: string, file: string) => T): T {
  try {
    return read(readFileSync(file, 'utf8'), file);
  } catch (error) {
    const text = error instanceof ScriptError ? error.message : `${flag} ${file} cannot be read: ${reasonOf(error)}`;
    throw new CliError(text, EXIT.usage, { cause: error });
  }
}

async function makeMock(flags: MockFlags, source: Pick<MockOptions, 'script' | 'replay'>): Promise<Mock> {
  if (!['127.0.0.1', 'localhost', '::1'].includes(flags.host))
    throw new CliError(
      `--host ${flags.host}: a mock does not check credentials, so it listens only on loopback: use 127.0.0.1, localhost or ::1.`,
      EXIT.usage,
    );
  const opened = flags.contract === undefined ? undefined : await openContract(flags.contract);
  try {
    return new Mock({
      host: flags.host,
      port: flags.port,
      everyMs: flags.every,
      events: flags.event,
      ...source,
      ...(opened === undefined ? {} : { contract: opened.contract }),
      ...(flags.heartbeat === undefined ? {} : { gateway: { limits: { heartbeatIntervalMs: flags.heartbeat } } }),
      onPublish: (event, problem) => {
        if (problem !== undefined) printStatus(tint('yellow', `${event} was not published: ${problem}`));
      },
    });
  } catch (error) {
    await opened?.dispose();
    if (error instanceof UnknownEventError || error instanceof RangeError)
      throw new CliError(error.message, EXIT.usage, { cause: error });
    throw error;
  }
}

async function start(made: Mock, flags: MockFlags): Promise<Server | undefined> {
  try {
    const { url, httpUrl } = await made.start();
    const control = flags.control === undefined ? undefined : await serveControl(made, flags.control, printFault);
    const bound = control?.address();
    const controlUrl = typeof bound === 'object' && bound !== null ? `http://127.0.0.1:${bound.port}` : undefined;
    const what = flags.replies === undefined ? `events: ${made.events.join(', ')}` : `repeating ${flags.replies}`;
    printStatus(`mock at ${url}, ${what}`);
    if (controlUrl !== undefined) printStatus(`control address ${controlUrl} (GET /state)`);
    if (flags.json === true)
      await printJson({ url, httpUrl, ...(controlUrl === undefined ? {} : { controlUrl }), pid: process.pid });
    return control;
  } catch (error) {
    await made.close();
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (!isTaken) throw error;
    const text = 'The port is already in use. Stop the other program, or choose another: --port 0 chooses a free port.';
    throw new CliError(text, EXIT.runtime, { cause: error });
  }
}

function printFault(error: unknown): void {
  printStatus(tint('yellow', `a request to the control address failed: ${reasonOf(error)}`));
}

function repeat(everyMs: number | undefined, work: () => void): void {
  if (everyMs !== undefined && everyMs > 0) setInterval(work, everyMs).unref();
}

function stopOnSignal(made: Mock, control: Server | undefined): void {
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    process.exitCode = signal === 'SIGINT' ? EXIT.interrupted : EXIT.ok;
    control?.close();
    await made.close();
    process.exit();
  };
  process.once('SIGINT', (signal) => void stop(signal)).once('SIGTERM', (signal) => void stop(signal));
}
