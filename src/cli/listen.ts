/** `tidemark listen`: prints events as they arrive. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { isGap, settled } from '../../generated/client.ts';
import type { TidemarkClient, TidemarkGap } from '../../generated/client.ts';
import { followStreams } from '../../generated/streams.ts';
import type { SubscribeData } from '../../generated/types.ts';
import { writePosition, writePositions } from '../agents/position.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import { nearest } from '../catalogue/near-miss.ts';
import { append, collect, filterOf, readPause, readSeconds } from './event-options.ts';
import type { FilterOptions } from './event-options.ts';
import { eventLine, gapLine } from './event-line.ts';
import { CliError, EXIT } from './exit.ts';
import { showHints } from './hints.ts';
import { PrintProgress } from './print-progress.ts';
import { asCliError, firstConnection, openClient, reportWait } from './remote-client.ts';
import type { Wait } from './remote-client.ts';
import { remoteOptions, webSocketUrl } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { labelOf, printPosition, readSince, streamOption, targetOf } from './stream-options.ts';
import type { Since, StreamOptions, Target } from './stream-options.ts';
import { print, printJson, printStatus, tint } from './terminal.ts';

interface ListenOptions extends RemoteOptions, FilterOptions, StreamOptions {
  readonly event?: readonly string[];
  readonly resume?: Since;
  readonly replay?: 'none' | 'warm';
  readonly count?: number;
  /** A group of events ends when none arrives for this long, in milliseconds. */
  readonly settle?: number;
  /** When to exit, in milliseconds after the start. */
  readonly timeout?: number;
  readonly json?: true;
}

export function registerListen(program: Command): void {
  streamOption(remoteOptions(program.command('listen')))
    .description(
      'print events as they arrive, until Ctrl-C; at the end, prints the position for the next --resume to stderr, except with --json',
    )
    .option(
      '--event <names>',
      'receive only these events: names, or patterns such as entity_*; may be repeated (default: *)',
      collect,
    )
    .option(
      '--path <paths>',
      'receive events about files only for these paths or globs, relative to the watched directory; may be repeated. Other events are still received',
      collect,
    )
    .option(
      '--ext <extensions>',
      'receive events about files only for these file extensions; may be repeated. Other events are still received; add --event file_change to exclude them',
      collect,
    )
    .option(
      '--filter <field=values>',
      `receive an event that has the given filter field only if the field has one of the given values; fields: ${[...stockCatalogue.filters.keys()].join(', ')}, and those of your own events`,
      append,
    )
    .option('--replay <mode>', 'warm: begin with the current state; none: receive only new events', readReplay)
    .option(
      '--resume <position>',
      'begin with the events after the given position, which an earlier `listen` printed: <epoch>:<sequenceId>; for several streams, <stream>=<epoch>:<sequenceId>,…',
      readSince,
    )
    .option(
      '--settle <time>',
      'collect events until none arrives for the given time, such as 200ms, then print only the newest change of each file',
      readPause,
    )
    .option('--count <n>', 'exit after the given number of events', readCount)
    .option(
      '--timeout <seconds>',
      'exit after the given time; the exit code is 5 if fewer events than --count arrived',
      readSeconds,
    )
    .option('--json', 'print one JSON object per line: events as the gateway sends them, and gaps with "kind":"gap"')
    .action(listen);
}

function readReplay(value: string): 'none' | 'warm' {
  if (value === 'none' || value === 'warm') return value;
  throw new InvalidArgumentError('Expected warm or none; for a resume use --resume.');
}

function readCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('Expected a whole number, at least 1.');
  return count;
}

async function listen(options: ListenOptions): Promise<void> {
  const request = requestOf(options);
  const target = targetOf(options, options.resume, '--resume');
  const url = webSocketUrl(options.url);
  const client = openClient(url, options);
  const wait = reportWait(client);
  const interrupt = new AbortController();
  const interrupted = (): void => interrupt.abort();
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const timer =
    options.timeout === undefined ? undefined : setTimeout(() => interrupt.abort('timeout'), options.timeout);
  try {
    await firstConnection(client, { url, signal: interrupt.signal });
    checkRequest(client, request);
    const end = await follow(client, { request, target, options, wait, signal: interrupt.signal });
    if (end === 'aborted') process.exitCode = exitCodeOfEnd(interrupt.signal, options, wait);
  } catch (error) {
    if (!interrupt.signal.aborted) throw asCliError(error, options);
    process.exitCode = exitCodeOfEnd(interrupt.signal, options, wait);
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await client.close();
  }
}

function exitCodeOfEnd({ reason }: AbortSignal, { count }: ListenOptions, wait: Wait): number {
  if (reason !== 'timeout') return EXIT.interrupted;
  if (count === undefined && wait.reason === undefined) return EXIT.ok;
  const aim =
    count === undefined ? 'the subscription was active' : `${count} ${count === 1 ? 'event' : 'events'} arrived`;
  printStatus(`Timed out before ${aim}${wait.reason === undefined ? '' : `, still waiting for ${wait.reason}`}.`);
  return EXIT.unreachable;
}

interface Following {
  readonly request: Pick<SubscribeData, 'events' | 'filter'>;
  readonly target: Target;
  readonly options: ListenOptions;
  readonly wait: Wait;
  readonly signal: AbortSignal;
}

/** Prints events. @returns `counted` if the wanted number of events has arrived, `aborted` if the signal ended the loop */
async function follow(
  client: TidemarkClient,
  { request, target, options, wait, signal }: Following,
): Promise<'counted' | 'aborted'> {
  const { count = Infinity, settle, json, replay } = options;
  const common = { ...request, gaps: 'inline', signal } as const;
  const subscription = subscribe(client, target, { ...common, ...(replay === undefined ? {} : { replay }) });
  const { hints } = await subscription.ready;
  wait.reason = undefined;
  showHints(hints);
  if (!json) printStatus(tint('dim', `listening to ${request.events.join(', ')} on ${labelOf(target)}`));
  const extras = 'streams' in target ? (['stream'] as const) : [];
  const progress = new PrintProgress();
  const tracked = progress.track(subscription);
  let seen = 0;
  try {
    for await (const item of settle === undefined ? tracked : oneByOne(settled(tracked, { quietMs: settle }))) {
      if (isGap(item)) await printGap(item, json);
      else await (json ? printJson(item) : print(eventLine(item, extras)));
      progress.printed(item);
      if (!isGap(item)) seen += 1;
      if (seen >= count) break;
    }
  } finally {
    // The events in the output of --json contain their positions.
    if (!json) printProgress(progress, subscription);
  }
  return seen >= count ? 'counted' : 'aborted';
}

/** Prints the position for the next --resume. Prints nothing if the state at the start has not arrived completely. */
function printProgress(progress: PrintProgress, subscription: ReturnType<typeof subscribe>): void {
  if ('positions' in subscription) {
    const positions = progress.position(subscription.positions ?? []);
    if (subscription.positions !== undefined && positions !== undefined) printPosition(writePositions(positions));
    return;
  }
  const { stream, position: read } = subscription;
  const [position] = (read === undefined ? [] : progress.position([{ stream, ...read }])) ?? [];
  if (position !== undefined) printPosition(writePosition(position));
}

interface Subscribing extends Pick<SubscribeData, 'events' | 'filter'> {
  readonly gaps: 'inline';
  readonly signal: AbortSignal;
  readonly replay?: 'none' | 'warm';
}

function subscribe(client: TidemarkClient, target: Target, { replay: mode = 'warm', ...request }: Subscribing) {
  if ('stream' in target) {
    const { stream, since } = target;
    const replay = since === undefined ? { mode } : ({ mode: 'resume', after: since } as const);
    return client.subscribe({ ...request, stream, replay });
  }
  const { streams, since } = target;
  const replay = since === undefined ? { mode } : ({ mode: 'resume', positions: since } as const);
  return followStreams(client, { ...request, streams, replay });
}

async function* oneByOne<Item>(groups: AsyncIterable<readonly Item[]>): AsyncGenerator<Item, void, undefined> {
  for await (const group of groups) yield* group;
}

async function printGap(gap: TidemarkGap, json: true | undefined): Promise<void> {
  if (json) await printJson(gap);
  else printStatus(tint('red', gapLine(gap)));
}

function requestOf(options: ListenOptions): Pick<SubscribeData, 'events' | 'filter'> {
  const filter = filterOf(options);
  const { resume, replay } = options;
  if (resume !== undefined && replay !== undefined)
    throw new CliError(
      '--resume cannot be combined with --replay: a resume replays the events after its position. Remove one of the two.',
      EXIT.usage,
    );
  return {
    events: options.event ?? ['*'],
    ...(Object.keys(filter).length === 0 ? {} : { filter }),
  };
}

function unknownField(field: string): CliError {
  const fields = [...stockCatalogue.filters.keys()];
  const meant = nearest(field, fields);
  const hint = meant === undefined ? '' : `did you mean ${meant}? `;
  return new CliError(`--filter: there is no field ${field}; ${hint}The fields are ${fields.join(', ')}.`, EXIT.usage);
}

/**
 * Checks a request before it is sent. If the gateway has the same contract as this command, a filter field that is unknown here is an
 * error. A gateway with another contract may have more filter fields, so it checks the request itself. Warns about events that the
 * gateway's contract does not declare.
 * @throws {CliError} for a filter field that the gateway cannot have
 */
function checkRequest({ contract }: TidemarkClient, { events, filter = {} }: Following['request']): void {
  if (contract === undefined) return;
  const stranger = Object.keys(filter).find((field) => !stockCatalogue.filters.has(field));
  if (contract.matches && stranger !== undefined) throw unknownField(stranger);
  const missing = events.filter((event) => contract.missingEvents.includes(event));
  if (missing.length > 0)
    printStatus(
      tint(
        'yellow',
        `the contract of this gateway does not declare ${missing.join(', ')}; only custom events can have these names`,
      ),
    );
}
