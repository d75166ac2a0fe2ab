/** `tidemark wait`: exits when the first matching event arrives. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { WaitError } from '../../generated/client.ts';
import type { TidemarkClient, TidemarkEvent } from '../../generated/client.ts';
import { waitOnStreams } from '../../generated/streams.ts';
import { meetsAll } from '../agents/condition.ts';
import type { Condition } from '../agents/condition.ts';
import { writePosition, writePositions } from '../agents/position.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import { nearest } from '../catalogue/near-miss.ts';
import { append, collect, filterOf, readSeconds } from './event-options.ts';
import type { FilterOptions } from './event-options.ts';
import { EXIT } from './exit.ts';
import { remoteOptions } from './remote.ts';
import { withClient } from './client-command.ts';
import type { TimedOptions } from './client-command.ts';
import { printPosition, readSince, streamOption, targetOf } from './stream-options.ts';
import type { Since, StreamOptions, Target } from './stream-options.ts';
import { plain, printJson, printStatus, tint } from './terminal.ts';

interface WaitOptions extends TimedOptions, FilterOptions, StreamOptions {
  readonly event: string;
  readonly where?: readonly Condition[];
  readonly since?: Since;
}

export function registerWait(program: Command): void {
  streamOption(remoteOptions(program.command('wait')))
    .description('wait for one event, print it as JSON and exit; prints the position for the next --since to stderr')
    .requiredOption('--event <name>', 'name of the event, or a pattern such as entity_*')
    .option(
      '--where <pointer=value>',
      'wait for an event that has the given value at the given JSON Pointer, such as /payload/status=completed; may be repeated',
      collectConditions,
    )
    .option(
      '--path <paths>',
      'wait for an event about one of these paths or globs, relative to the watched directory; may be repeated',
      collect,
    )
    .option(
      '--ext <extensions>',
      'wait for an event about a file with one of these extensions; may be repeated',
      collect,
    )
    .option(
      '--filter <field=values>',
      'wait for an event that has one of the given values in the given filter field, see `listen --help`; may be repeated',
      append,
    )
    .option(
      '--since <position>',
      'also accept past events after the given position; pass the position that the previous `wait` printed (default: only new events)',
      readSince,
    )
    .option('--timeout <seconds>', 'exit with 5 if no event matches within the given time', readSeconds)
    .action(wait);
}

function collectConditions(text: string, previous: readonly Condition[] = []): readonly Condition[] {
  const [, pointer, value] = /^(\/[^=]+)=(.*)$/s.exec(text) ?? [];
  if (pointer === undefined || value === undefined)
    throw new InvalidArgumentError('Expected <pointer>=<value>, such as /payload/status=completed.');
  return [...previous, { pointer, value }];
}

async function wait(options: WaitOptions): Promise<void> {
  const target = targetOf(options, options.since, '--since');
  const filter = filterOf(options);
  // When the client is connected, `waitFor` applies the time limit, because its time-out error contains the position for the next call.
  const { timeout, ...rest } = options;
  const deadline = timeout === undefined ? undefined : performance.now() + timeout;
  const limit = timeout === undefined ? {} : { connectTimeout: timeout };
  await withClient({ ...rest, ...limit }, async (client, signal) => {
    warnOfMisspelling(client, options.event);
    try {
      const { event, position } = await firstOn(target, client, options, {
        timeoutMs: deadline === undefined ? undefined : Math.max(0, Math.ceil(deadline - performance.now())),
        signal,
        ...(Object.keys(filter).length === 0 ? {} : { filter }),
      });
      await printJson(event);
      printPosition(position);
    } catch (error) {
      if (!(error instanceof WaitError)) throw error;
      printStatus(tint('red', plain(error.message)));
      if (error.position !== undefined) printPosition(writePosition(error.position));
      if (error.positions !== undefined) printPosition(writePositions(error.positions));
      process.exitCode = error.reason === 'timeout' ? EXIT.unreachable : EXIT.runtime;
    }
  });
}

/** Warns about a name that is probably misspelt: an undeclared name is a custom event, and might never be published. */
function warnOfMisspelling({ contract }: TidemarkClient, event: string): void {
  const meant =
    contract?.matches === true && !stockCatalogue.events.has(event)
      ? nearest(event, stockCatalogue.events.keys())
      : undefined;
  if (meant !== undefined)
    printStatus(tint('yellow', `warning: no event ${plain(event)} is declared; did you mean ${meant}?`));
}

interface Limits {
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
  readonly filter?: ReturnType<typeof filterOf>;
}

/** Waits for the event, on one stream or on several. */
async function firstOn(
  target: Target,
  client: TidemarkClient,
  { event: name, where = [] }: WaitOptions,
  limits: Limits,
): Promise<{ readonly event: TidemarkEvent; readonly position: string }> {
  const matches = (each: object): boolean => meetsAll(each, where);
  if ('stream' in target) {
    const { event, position } = await client.waitFor(name, matches, { ...target, ...limits });
    return { event, position: writePosition(position) };
  }
  const { event, positions } = await waitOnStreams(client, name, matches, { ...target, ...limits });
  return { event, position: writePositions(positions) };
}
