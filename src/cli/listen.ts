/** `tidemark listen`: prints events as they arrive. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { createClient, ConnectionError, isGap, SubscriptionError, TidemarkError } from '../../generated/client.ts';
import type { Position, TidemarkClient, TidemarkEvent, TidemarkGap } from '../../generated/client.ts';
import type { SubscribeData, SubscriptionFilter } from '../../generated/types.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import { nearest } from '../catalogue/near-miss.ts';
import { eventLine, gapLine } from './event-line.ts';
import { CliError, EXIT } from './exit.ts';
import { askWhy } from './handshake.ts';
import { showHints } from './hints.ts';
import { reasonOf } from './reason.ts';
import {
  CREDENTIAL_HINT,
  exitCodeOf,
  refusalText,
  remoteOptions,
  secretOf,
  unreachable,
  webSocketUrl,
} from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { plain, print, printJson, say, tint } from './terminal.ts';

/** Timers support at most 2^31−1 ms; a longer delay would fire immediately. */
const LONGEST_S = Math.floor((2 ** 31 - 1) / 1000);

interface ListenOptions extends RemoteOptions {
  readonly event?: readonly string[];
  readonly path?: readonly string[];
  readonly ext?: readonly string[];
  readonly filter?: readonly string[];
  readonly stream: string;
  readonly resume?: Position;
  readonly replay?: 'none' | 'warm';
  readonly count?: number;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly json?: true;
}

export function registerListen(program: Command): void {
  remoteOptions(program.command('listen'))
    .description('print events as they arrive, until Ctrl-C')
    .option('--event <names>', 'event names or patterns such as entity_*; may be repeated (default: *)', collect)
    .option('--path <paths>', 'paths or globs below the root; may be repeated', collect)
    .option(
      '--ext <extensions>',
      'file extensions; may be repeated. Like every filter, it applies only to events with such a field: add --event file_change to receive no others',
      collect,
    )
    .option(
      '--filter <field=values>',
      `any filter field: ${[...stockCatalogue.filters.keys()].join(', ')}, and those of the gateway's own events`,
      append,
    )
    .option('--stream <name>', 'main, workspace:<id> or session:<id>', 'main')
    .option('--replay <mode>', 'warm (begin with the current state) or none (only new events)', readReplay)
    .option('--resume <epoch:sequenceId>', 'begin with the events after this position', readPosition)
    .option('--count <n>', 'exit after so many events', readCount)
    .option(
      '--timeout <seconds>',
      'exit after this time; with --count, exits with 5 if it was not reached',
      readSeconds,
    )
    .option('--json', 'one JSON object per line: events as on the wire, gaps with "kind":"gap"')
    .action(listen);
}

/** Has no default value, because help would print an empty list. */
function collect(value: string, previous: readonly string[] = []): readonly string[] {
  const values = value.split(',').filter((each) => each !== '');
  // An empty list would mean all events, which is surely not the meaning of an empty shell variable.
  if (values.length === 0) throw new InvalidArgumentError('Expected at least one value.');
  return [...previous, ...values];
}

function append(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

function readReplay(value: string): 'none' | 'warm' {
  if (value === 'none' || value === 'warm') return value;
  throw new InvalidArgumentError('Expected warm or none; for a resume use --resume.');
}

function readPosition(value: string): Position {
  const [, epoch, sequenceId] = /^([^:]+):(\d+)$/.exec(value) ?? [];
  if (epoch === undefined || !Number.isSafeInteger(Number(sequenceId)))
    throw new InvalidArgumentError('Expected <epoch>:<sequenceId>, as in events.');
  return { epoch, sequenceId: Number(sequenceId) };
}

function readCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('Expected a whole number, at least 1.');
  return count;
}

function readSeconds(value: string): number {
  const seconds = Number(value);
  if (!(seconds > 0 && seconds <= LONGEST_S))
    throw new InvalidArgumentError(
      `Expected a number of seconds, at most ${LONGEST_S}. Without --timeout there is no limit.`,
    );
  return seconds * 1000;
}

async function listen(options: ListenOptions): Promise<void> {
  const request = requestOf(options);
  const url = webSocketUrl(options.url);
  const client = openClient(url, options);
  const wait = tellWait(client);
  const interrupt = new AbortController();
  const interrupted = (): void => interrupt.abort();
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const timer =
    options.timeout === undefined ? undefined : setTimeout(() => interrupt.abort('timeout'), options.timeout);
  try {
    await firstConnection(client, { url, signal: interrupt.signal });
    checkRequest(client, request);
    const end = await follow(client, { request, options, wait, signal: interrupt.signal });
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
  say(`Timed out before ${aim}${wait.reason === undefined ? '' : `, still waiting for ${wait.reason}`}.`);
  return EXIT.unreachable;
}

/** The error that keeps the gateway from completing a subscribe, if any. */
interface Wait {
  reason: string | undefined;
}

/** The client retries automatically; the reason is reported once, so that the command does not look stuck. */
function tellWait(client: TidemarkClient): Wait {
  const wait: Wait = { reason: undefined };
  client.on('postponed', ({ error }) => {
    const reason = plain(`the gateway: ${error.code}: ${error.message}`).replace(/\.$/, '');
    if (wait.reason === undefined) say(tint('yellow', `waiting for ${reason}`));
    wait.reason = reason;
  });
  client.on('resumed', () => (wait.reason = undefined));
  return wait;
}

function openClient(url: string, options: ListenOptions): TidemarkClient {
  try {
    return createClient({ url, ...secretOf(options) });
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`--url ${options.url} cannot be used: ${reasonOf(error)}`, EXIT.usage, { cause: error });
  }
}

/** The close code of a WebSocket that was never open (RFC 6455 §7.1.5). */
const NO_HANDSHAKE = 1006;

/** The client repairs later disconnects, but a failed first attempt is probably a wrong address. */
async function firstConnection(
  client: TidemarkClient,
  { url, signal }: { readonly url: string; readonly signal: AbortSignal },
): Promise<void> {
  let failure: string | undefined;
  const offError = client.on('error', (error) => (failure = plain(reasonOf(error))));
  const offClosed = client.on('closed', ({ code, reason }) => {
    if (code !== NO_HANDSHAKE) failure ??= plain(`it closed the connection, ${code} ${reason}`.trim());
  });
  const failed = new Promise<never>((_resolve, reject) => {
    client.on('reconnecting', () => {
      void Promise.resolve(failure ?? askWhy(url)).then((why) => reject(unreachable(url, why)));
    });
    signal.addEventListener('abort', () => reject(new Error('interrupted')), { once: true });
  });
  await Promise.race([client.connect(), failed]);
  offError();
  offClosed();
  client.on('closed', ({ code, reason, willReconnect }) => {
    if (willReconnect)
      say(tint('yellow', `connection lost (${code}${reason === '' ? '' : ` ${plain(reason)}`}), reconnecting`));
  });
  client.on('resumed', ({ recovery }) => {
    if (recovery.attempted && recovery.recovered) say(tint('green', 'reconnected, no events missed'));
  });
}

interface Following {
  readonly request: Omit<SubscribeData, 'subscriptionId'>;
  readonly options: ListenOptions;
  readonly wait: Wait;
  readonly signal: AbortSignal;
}

/** @returns whether the wanted number of events has arrived, or the signal ended the loop. */
async function follow(
  client: TidemarkClient,
  { request, options, wait, signal }: Following,
): Promise<'counted' | 'aborted'> {
  const { stream, count = Infinity, json } = options;
  const subscription = client.subscribe({ ...request, stream, gaps: 'inline', signal });
  const { hints } = await subscription.ready;
  wait.reason = undefined;
  showHints(hints);
  if (!json) say(tint('dim', `listening to ${request.events.join(', ')} on ${stream}`));
  let seen = 0;
  for await (const item of subscription) {
    if (isGap(item)) await sayGap(item, json);
    else await sayEvent(item, json);
    if (!isGap(item)) seen += 1;
    if (seen >= count) return 'counted';
  }
  return 'aborted';
}

async function sayEvent(event: TidemarkEvent, json: true | undefined): Promise<void> {
  await (json ? printJson(event) : print(eventLine(event)));
}

async function sayGap(gap: TidemarkGap, json: true | undefined): Promise<void> {
  if (json) await printJson(gap);
  else say(tint('red', gapLine(gap)));
}

function requestOf(options: ListenOptions): Omit<SubscribeData, 'subscriptionId'> {
  const filter = filterOf(options);
  const { resume, replay } = options;
  if (resume !== undefined && replay !== undefined)
    throw new CliError(
      '--resume and --replay exclude each other: a resume replays the events after its position.',
      EXIT.usage,
    );
  return {
    events: options.event ?? ['*'],
    ...(Object.keys(filter).length === 0 ? {} : { filter }),
    ...(replay === undefined ? {} : { replay: { mode: replay } }),
    ...(resume === undefined ? {} : { replay: { mode: 'resume', after: resume } }),
  };
}

function filterOf({ path = [], ext = [], filter = [] }: ListenOptions): SubscriptionFilter {
  const fields = new Map<string, string[]>();
  const add = (field: string, values: readonly string[]): void => {
    if (values.length > 0) fields.set(field, [...(fields.get(field) ?? []), ...values]);
  };
  add('paths', path);
  add('extensions', ext);
  for (const each of filter) {
    const [, field = '', values = ''] = /^(\w+)=(.+)$/.exec(each) ?? [];
    if (field === '')
      throw new CliError(`--filter ${each} is not <field>=<values>, such as changeTypes=create,modify.`, EXIT.usage);
    add(field, values.split(','));
  }
  return Object.fromEntries(fields);
}

function unknownField(field: string): CliError {
  const fields = [...stockCatalogue.filters.keys()];
  const meant = nearest(field, fields);
  const hint = meant === undefined ? '' : `did you mean ${meant}? `;
  return new CliError(`--filter: there is no field ${field}; ${hint}The fields are ${fields.join(', ')}.`, EXIT.usage);
}

/**
 * A gateway with the same contract has exactly the fields and events known here. Any other gateway may have more and validates them itself.
 * @throws {CliError} for a filter field that the gateway cannot have
 */
function checkRequest({ contract }: TidemarkClient, { events, filter = {} }: Following['request']): void {
  if (contract === undefined) return;
  const stranger = Object.keys(filter).find((field) => !stockCatalogue.filters.has(field));
  if (contract.matches && stranger !== undefined) throw unknownField(stranger);
  const missing = events.filter((event) => contract.missingEvents.includes(event));
  if (missing.length > 0)
    say(
      tint(
        'yellow',
        `the contract of this gateway does not declare ${missing.join(', ')}: events of that name are custom ones`,
      ),
    );
}

function asCliError(error: unknown, options: ListenOptions): unknown {
  if (error instanceof TidemarkError) return new CliError(refusalText(error, options), exitCodeOf(error.code));
  if (error instanceof SubscriptionError)
    return new CliError(plain(error.message), error.reason === 'forbidden' ? EXIT.auth : EXIT.runtime);
  if (error instanceof ConnectionError) {
    const { cause, reason, closeClass, closeCode } = error;
    if (cause instanceof TidemarkError) return asCliError(cause, options);
    if (reason !== 'refused' || closeClass === undefined) return unreachable(options.url, reasonOf(error), error);
    const text =
      closeClass === 'refresh'
        ? `The credential is no longer accepted (${closeCode}). ${CREDENTIAL_HINT}`
        : plain(error.message);
    return new CliError(text, EXIT.auth);
  }
  return error;
}
