/** `tidemark conformance hostile`: runs the hostile pack against any gateway. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { WEBSOCKET_PATH } from '../../generated/protocol.ts';
import { casesOf } from '../hostile/expand.ts';
import { resultText, summaryText } from '../hostile/report.ts';
import { BadRow, readRows } from '../hostile/rows.ts';
import { searchWorst } from './adversary.ts';
import { runPack } from '../hostile/run.ts';
import type { Summary } from '../hostile/run.ts';
import { Unreachable } from '../hostile/wire.ts';
import { EXIT } from '../runner/verdict.ts';
import { ConfigError, parseTargetAddress } from '../target/config.ts';
import { collect, natural, positive, whole } from './option-values.ts';
import { UsageError } from './terminal.ts';
import type { Target } from '../hostile/wire.ts';

/** Commander's exit code for an invalid option. */
const COMMANDER_USAGE = 1;

interface Options {
  readonly url?: string;
  readonly only?: string;
  readonly tokenFile?: string;
  readonly patience: number;
  readonly maxLatency: number;
  readonly maxGrowth: number;
  readonly list?: true;
  readonly json?: true;
  readonly search?: number;
  readonly operation: readonly string[];
  readonly seed: number;
  readonly pid?: number;
  readonly worst?: string;
}

/** Parses the address. Commander cannot do it, because its errors quote the value. */
function targetOf(text: string): Target {
  const url = parseTargetAddress(text, '--url', 'ws');
  const secure = url.protocol === 'wss:';
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    secure,
    path: url.pathname === '/' ? WEBSOCKET_PATH : url.pathname,
  };
}

/** @returns a function that tells whether an id matches one of the comma-separated globs; `*` matches any characters */
function selector(globs: string): (id: string) => boolean {
  const each = globs.split(',').map(globSelector);
  return (id) => each.some((selects) => selects(id));
}

function globSelector(glob: string): (id: string) => boolean {
  const parts = glob.split('*').map((each) => each.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  const pattern = new RegExp(`^${parts.join('.*')}$`);
  return (id) => pattern.test(id);
}

function credentialOf({ tokenFile }: Options): readonly (readonly [string, string])[] {
  const token = tokenFile === undefined ? process.env['TIDEMARK_TOKEN'] : readFileSync(tokenFile, 'utf8').trim();
  if (token !== undefined && token !== '') return [['Authorization', `Bearer ${token}`]];
  const key = process.env['TIDEMARK_API_KEY'];
  return key === undefined || key === '' ? [] : [['X-API-Key', key]];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Reports which of `--max-latency` and `--max-growth` was exceeded. */
function boundFindings({ neighbour, gateway }: Summary, { maxLatency, maxGrowth }: Options): readonly string[] {
  const worst = Math.max(...Object.values(neighbour.latency).map((each) => each.maxMs));
  const growth = (gateway.residentMiBAfter ?? 0) - (gateway.residentMiBBefore ?? 0);
  return [
    ...(worst > maxLatency ? [`the neighbour waited ${worst} ms; --max-latency allows ${maxLatency} ms`] : []),
    ...(growth > maxGrowth ? [`the gateway's memory grew by ${growth} MiB; --max-growth allows ${maxGrowth} MiB`] : []),
  ];
}

async function act(options: Options, fail: (message: string) => never): Promise<void> {
  const selects = selector(options.only ?? '*');
  const rows = readRows().filter((row) => selects(row.id) || casesOf(row).some(({ entry }) => selects(entry.id)));
  if (rows.length === 0) fail(`--only ${options.only ?? '*'} matches no case; --list shows all cases.`);
  if (options.list === true) {
    for (const { id, clause, why } of rows)
      print(options.json === true ? JSON.stringify({ id, clause, why }) : `${id}  ${clause}  ${why}`);
    return;
  }
  if (options.url === undefined)
    fail('Pass --url with the WebSocket address of the gateway to test, such as ws://127.0.0.1:7400/ws.');
  const target = targetOf(options.url);
  if (options.search !== undefined || options.operation.length > 0) {
    process.exitCode = await searchWorst({ ...options, url: target, credential: credentialOf(options) });
    return;
  }
  const run = await runPack({
    target,
    rows,
    selects,
    patienceMs: options.patience,
    credential: credentialOf(options),
    onResult: (result) => {
      const text = options.json === true ? JSON.stringify({ kind: 'case', ...result }) : resultText(result);
      if (text !== undefined) print(text);
    },
  });
  const summary = { ...run, findings: [...run.findings, ...boundFindings(run, options)] };
  print(options.json === true ? JSON.stringify({ kind: 'summary', ...summary }) : summaryText(summary));
  const red = summary.verdicts.fail > 0 || summary.findings.length > 0 || summary.verdicts.pass === 0;
  process.exitCode = red ? EXIT.findings : EXIT.ok;
}

/** Adds the options and the action of the hostile pack to a command. */
export function configureHostile(command: Command): Command {
  return command
    .description(
      'send a gateway invalid and hostile input, and measure the effect on a well-behaved client, the neighbour',
    )
    .option('--url <url>', 'the WebSocket of the gateway: ws://host:port/ws')
    .option('--only <globs>', 'run only the cases whose id matches, for example "json/*,utf8/*"')
    .option(
      '--token-file <file>',
      'file with the JWT to connect with; by default the JWT in TIDEMARK_TOKEN, or the API key in TIDEMARK_API_KEY',
    )
    .option(
      '--patience <ms>',
      'how long a reply may take, in milliseconds, unless the case sets its own limit',
      positive,
      4000,
    )
    .option(
      '--max-latency <ms>',
      'how long the neighbour (a normal client, connected during all cases) may wait for a reply or an event, in milliseconds',
      positive,
      1000,
    )
    .option(
      '--max-growth <MiB>',
      "how much the gateway's memory may grow, in MiB, if /metrics reports it",
      positive,
      256,
    )
    .option(
      '--search <n>',
      'search for the costliest inputs instead of running the cases: try n inputs per operation, by hill climbing; with 0, only replay the costliest inputs of earlier searches',
      natural,
    )
    .option('--operation <name>', 'with --search: search only this operation; may be repeated', collect, [])
    .option('--seed <n>', 'with --search: seed of the random inputs; the same seed repeats a search', whole, 1)
    .option(
      '--pid <pid>',
      'with --search: process id of a server on this machine (Linux), to measure its processor time',
      whole,
    )
    .option('--worst <file>', 'with --search: write the costliest inputs to this file, as NDJSON')
    .option('--list', 'list the cases instead of running them')
    .option('--json', 'print NDJSON: one line per case, then the summary')
    .exitOverride(({ exitCode }) => process.exit(exitCode === COMMANDER_USAGE ? EXIT.usage : exitCode))
    .action(async (_options, self: Command) => {
      // If the reader of the output closes the pipe early, as `head` does, end the run.
      process.stdout.on('error', () => process.exit());
      try {
        await act(self.opts<Options>(), (message) => self.error(message, { exitCode: EXIT.usage }));
      } catch (error) {
        if (error instanceof BadRow || error instanceof UsageError || error instanceof ConfigError)
          self.error(error.message, { exitCode: EXIT.usage });
        if (!(error instanceof Unreachable)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exitCode = EXIT.inconclusive;
      }
    });
}

/** Adds `hostile` to `tidemark conformance`. */
export function registerHostile(program: Command): void {
  configureHostile(program.command('hostile'));
}
