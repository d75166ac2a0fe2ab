/** `tidemark wait`: exits when the first matching event arrives. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { WaitError } from '../../generated/client.ts';
import type { Position, TidemarkClient } from '../../generated/client.ts';
import { meetsAll } from '../agents/condition.ts';
import type { Condition } from '../agents/condition.ts';
import { writePosition } from '../agents/position.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import { nearest } from '../catalogue/near-miss.ts';
import { append, collect, filterOf, readPosition, readSeconds } from './event-options.ts';
import type { FilterOptions } from './event-options.ts';
import { EXIT } from './exit.ts';
import { remoteOptions } from './remote.ts';
import { withClient } from './session-command.ts';
import type { TimedOptions } from './session-command.ts';
import { plain, printJson, say, tint } from './terminal.ts';

interface WaitOptions extends TimedOptions, FilterOptions {
  readonly event: string;
  readonly where?: readonly Condition[];
  readonly stream: string;
  readonly since?: Position;
}

export function registerWait(program: Command): void {
  remoteOptions(program.command('wait'))
    .description('wait for one event, print it as JSON and exit; prints the position for the next --since to stderr')
    .requiredOption('--event <name>', 'name of the event, or a pattern such as entity_*')
    .option(
      '--where <pointer=value>',
      'a member of the event that must have this value, such as /payload/status=completed; may be repeated',
      collectConditions,
    )
    .option('--path <paths>', 'paths or globs below the root; may be repeated', collect)
    .option('--ext <extensions>', 'file extensions; may be repeated', collect)
    .option('--filter <field=values>', 'any filter field of the event, see `listen --help`; may be repeated', append)
    .option('--stream <name>', 'main, workspace:<id> or session:<id>', 'main')
    .option(
      '--since <epoch:sequenceId>',
      'also consider past events, those after this position, so that none is missed (default: only new events)',
      readPosition,
    )
    .option('--timeout <seconds>', 'exit with 5 if no event has matched by then', readSeconds)
    .action(wait);
}

function collectConditions(text: string, previous: readonly Condition[] = []): readonly Condition[] {
  const [, pointer, value] = /^(\/[^=]+)=(.*)$/s.exec(text) ?? [];
  if (pointer === undefined || value === undefined)
    throw new InvalidArgumentError('Expected <pointer>=<value>, such as /payload/status=completed.');
  return [...previous, { pointer, value }];
}

async function wait(options: WaitOptions): Promise<void> {
  const filter = filterOf(options);
  // Once connected, the time limit is applied by `waitFor`, because its time-out error has the position for the next call.
  const { timeout, ...rest } = options;
  const deadline = timeout === undefined ? undefined : performance.now() + timeout;
  const limit = timeout === undefined ? {} : { connectTimeout: timeout };
  await withClient({ ...rest, ...limit }, async (client, signal) => {
    warnOfSlip(client, options.event);
    try {
      const { event, position } = await client.waitFor(options.event, (each) => meetsAll(each, options.where ?? []), {
        stream: options.stream,
        since: options.since,
        timeoutMs: deadline === undefined ? undefined : Math.max(0, Math.ceil(deadline - performance.now())),
        signal,
        ...(Object.keys(filter).length === 0 ? {} : { filter }),
      });
      await printJson(event);
      sayPosition(position);
    } catch (error) {
      if (!(error instanceof WaitError)) throw error;
      say(tint('red', plain(error.message)));
      sayPosition(error.position);
      process.exitCode = error.reason === 'timeout' ? EXIT.unreachable : EXIT.runtime;
    }
  });
}

/** Warns about a name that is probably misspelt: an undeclared name is a custom event, and might never be published. */
function warnOfSlip({ contract }: TidemarkClient, event: string): void {
  const meant =
    contract?.matches === true && !stockCatalogue.events.has(event)
      ? nearest(event, stockCatalogue.events.keys())
      : undefined;
  if (meant !== undefined) say(tint('yellow', `warning: no event ${plain(event)} is declared; did you mean ${meant}?`));
}

function sayPosition(position: Position | undefined): void {
  if (position !== undefined) say(`position ${writePosition(position)}`);
}
