/** `tidemark top`: lists the clients of all nodes by cost, either once or in a table that is updated until Ctrl-C. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { CliError, EXIT } from './exit.ts';
import { bytesText, durationText } from './quantity.ts';
import { remoteOptions } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { clientsOf, noSubscriptionText, readSubscriptions } from './subscription-reports.ts';
import type { ClientReport, SubscriptionReports } from './subscription-reports.ts';
import { plain, print, printJson, printStatus, table, tint } from './terminal.ts';

interface Row extends ClientReport {
  /** Events per second since the previous reading; null at the first reading. */
  readonly perSecond: number | null;
}

interface TopOptions extends RemoteOptions {
  readonly sort: SortKey;
  readonly limit: number;
  /** The time between two updates of the table, in seconds. */
  readonly interval: number;
  readonly stream?: string;
  readonly principal?: string;
  readonly once?: true;
  readonly json?: true;
}

/** The sort keys. Rows are sorted in descending order. */
const SORT_KEYS = {
  queue: (row: Row) => row.queuedBytes,
  oldest: (row: Row) => row.oldestQueuedMs,
  lag: (row: Row) => row.lag,
  rate: (row: Row) => row.perSecond ?? 0,
  delivered: (row: Row) => row.delivered,
  replayed: (row: Row) => row.replayed,
  gaps: (row: Row) => row.gaps,
  subscriptions: (row: Row) => row.subscriptions,
  idle: (row: Row) => row.idleMs,
} as const;
type SortKey = keyof typeof SORT_KEYS;

const HOT_DIRECTORIES = 5;
const LONGEST_INTERVAL_S = 3600;

export function registerTop(program: Command): void {
  remoteOptions(program.command('top'))
    .description('list the clients of all nodes by cost (queue, lag, rate), and update the list until Ctrl-C')
    .addOption(
      new Option('--sort <key>', 'column to sort by, largest value first')
        .choices(Object.keys(SORT_KEYS))
        .default('queue'),
    )
    .option('--limit <n>', 'maximum number of clients to show', readWhole(1, 100_000), 20)
    .option('--interval <seconds>', 'time between two updates', readWhole(1, LONGEST_INTERVAL_S), 2)
    .option('--stream <name>', 'list only subscriptions to the given stream')
    .option('--principal <id>', 'list only clients of the given principal, such as user:ana')
    .option('--once', 'print the list once, then exit')
    .option('--json', 'print one JSON object per update')
    .action(top);
}

function readWhole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** The subscriptions of all nodes at one moment. */
interface Reading {
  readonly at: number;
  readonly reports: SubscriptionReports;
  readonly rows: readonly Row[];
}

async function top(options: TopOptions): Promise<void> {
  const screen = options.json !== true && options.once !== true && process.stdout.isTTY ? openScreen() : undefined;
  try {
    let last = await read(options, undefined);
    for (;;) {
      await show(last, options, screen);
      if (options.once === true) return;
      await delay(options.interval * 1000);
      last = await readAgain(options, last, screen);
    }
  } finally {
    screen?.close();
  }
}

/**
 * Reads the subscriptions again. Retries while the gateway is unavailable, for example during a restart, because the first reading has
 * shown that the address is right.
 */
async function readAgain(options: TopOptions, last: Reading, screen: Screen | undefined): Promise<Reading> {
  for (;;) {
    try {
      return await read(options, last);
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.unreachable) throw error;
      const message = `${error.message} Trying again.`;
      if (screen === undefined) printStatus(tint('yellow', message));
      else screen.draw(`${message}\n\n${textOf(last, options)}`);
      await delay(options.interval * 1000);
    }
  }
}

async function read(options: TopOptions, last: Reading | undefined): Promise<Reading> {
  const { stream, principal } = options;
  const query = {
    ...(stream === undefined ? {} : { stream }),
    ...(principal === undefined ? {} : { principal }),
  };
  const reports = await readSubscriptions(options, query);
  const at = Date.now();
  const before = new Map(last?.rows.map((row) => [row.connectionId, row.delivered]));
  const seconds = last === undefined ? 0 : (at - last.at) / 1000;
  const rows = clientsOf(reports.items, at).map((client) => {
    const delivered = before.get(client.connectionId);
    // When a subscription ends, the count decreases, because the events of this subscription are no longer included. The rate is then shown
    // as 0.
    const perSecond = delivered === undefined ? null : Math.max(0, (client.delivered - delivered) / seconds);
    return { ...client, perSecond };
  });
  const value = SORT_KEYS[options.sort];
  return {
    at,
    reports,
    rows: rows.toSorted((a, b) => value(b) - value(a) || (a.connectionId < b.connectionId ? -1 : 1)),
  };
}

async function show(seen: Reading, options: TopOptions, screen: Screen | undefined): Promise<void> {
  if (options.json === true) {
    const { at, reports, rows } = seen;
    const { directories, missingNodes } = reports;
    const totals = { clients: rows.length, subscriptions: reports.items.length, slow: slowOf(rows) };
    return printJson({
      at: new Date(at).toISOString(),
      ...totals,
      directories,
      missingNodes,
      rows: rows.slice(0, options.limit),
    });
  }
  const text = textOf(seen, options);
  if (screen === undefined) return print(options.once === true ? text : `${text}\n`);
  screen.draw(text);
}

function textOf(seen: Reading, options: TopOptions): string {
  const { rows, reports } = seen;
  const shown = rows.slice(0, options.limit);
  const list = rows.length === 0 ? noSubscriptionText(options, reports) : tableOf(shown);
  const text = [...heading(seen), '', list];
  if (rows.length > shown.length) text.push(`… ${rows.length - shown.length} more; a higher --limit shows them`);
  return text.join('\n');
}

function slowOf(rows: readonly Row[]): number {
  return rows.filter(({ slow }) => slow).length;
}

function heading({ rows, reports }: Reading): string[] {
  const queued = rows.reduce((sum, { queuedBytes }) => sum + queuedBytes, 0);
  const rate = rows.reduce((sum, { perSecond }) => sum + (perSecond ?? 0), 0);
  const nodes = new Set(rows.map(({ nodeId }) => nodeId)).size;
  const where = nodes === 0 ? '' : ` on ${counted(nodes, 'node')}`;
  const hot = Object.entries(reports.directories)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, HOT_DIRECTORIES)
    .map(([name, count]) => `${plain(name)} (${count})`);
  return [
    `${counted(rows.length, 'client')} with ${counted(reports.items.length, 'subscription')}${where}; ${slowOf(rows)} slow, ${bytesText(queued)} queued, ${rate.toFixed(1)} events/s`,
    ...(hot.length === 0 ? [] : [`most subscribed paths: ${hot.join(', ')}`]),
    ...(reports.missingNodes.length === 0
      ? []
      : [`NODES THAT DID NOT ANSWER: ${reports.missingNodes.map(plain).join(', ')}`]),
  ];
}

const COLUMNS: readonly (readonly [string, (row: Row) => string])[] = [
  ['PRINCIPAL', ({ principal }) => plain(principal)],
  ['ADDRESS', ({ remoteAddress }) => remoteAddress ?? '-'],
  ['NODE', ({ nodeId }) => plain(nodeId)],
  ['QUEUE', ({ queuedBytes }) => bytesText(queuedBytes)],
  ['OLDEST', ({ oldestQueuedMs }) => durationText(oldestQueuedMs)],
  ['LAG', ({ lag }) => String(lag)],
  ['EVENTS/S', ({ perSecond }) => perSecond?.toFixed(1) ?? '-'],
  ['DELIVERED', ({ delivered }) => String(delivered)],
  ['GAPS', ({ gaps }) => String(gaps)],
  ['SUBS', ({ subscriptions }) => String(subscriptions)],
  ['IDLE', ({ idleMs }) => durationText(idleMs)],
  ['', ({ slow }) => (slow ? 'SLOW' : '')],
  ['CONNECTION', ({ connectionId }) => connectionId],
];

function tableOf(rows: readonly Row[]): string {
  return table([COLUMNS.map(([name]) => name), ...rows.map((row) => COLUMNS.map(([, text]) => text(row)))]);
}

interface Screen {
  draw(text: string): void;
  close(): void;
}

/** Uses the terminal's alternate screen, so that the previous content of the terminal reappears afterwards. */
function openScreen(): Screen {
  const { stdout } = process;
  stdout.write('\u001b[?1049h\u001b[?25l');
  const close = (): void => void stdout.write('\u001b[?25h\u001b[?1049l');
  const interrupted = (): void => {
    close();
    process.exit(EXIT.interrupted);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  return {
    draw: (text) => {
      const [rows, columns] = [stdout.rows, stdout.columns];
      const lines = text.split('\n').slice(0, rows - 1);
      stdout.write(`\u001b[H${lines.map((line) => `${line.slice(0, columns)}\u001b[K`).join('\n')}\u001b[J`);
    },
    close,
  };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
