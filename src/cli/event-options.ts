/** Options of the commands that subscribe: parsers of the values, and the filter that the options form together. */
import { InvalidArgumentError } from 'commander';
import type { Position } from '../../generated/client.ts';
import type { SubscriptionFilter } from '../../generated/types.ts';
import { LONGEST_S } from '../agents/duration.ts';
import { readPosition as parsePosition } from '../agents/position.ts';
import { CliError, EXIT } from './exit.ts';

export interface FilterOptions {
  readonly path?: readonly string[];
  readonly ext?: readonly string[];
  readonly filter?: readonly string[];
}

/**
 * Adds the values of a repeated option to those of its earlier occurrences. The option has no default, because commander would print an
 * empty list as the default in the help.
 */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  const values = value.split(',').filter((each) => each !== '');
  // An empty list would select all events. It is rejected, because it is probably an empty shell variable.
  if (values.length === 0) throw new InvalidArgumentError('Expected at least one value.');
  return [...previous, ...values];
}

export function append(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

export function readPosition(value: string): Position {
  const position = parsePosition(value);
  if (position === undefined)
    throw new InvalidArgumentError('Expected <epoch>:<sequenceId>, with the epoch and the sequenceId of an event.');
  return position;
}

export function readSeconds(value: string): number {
  const seconds = Number(value);
  if (!(seconds > 0 && seconds <= LONGEST_S))
    throw new InvalidArgumentError(`Expected a number of seconds above 0, at most ${LONGEST_S}.`);
  return seconds * 1000;
}

/** A short time such as `200ms` or `2s`. @returns milliseconds */
export function readPause(value: string): number {
  const [, count = '', unit] = /^(\d+)(ms|s)$/.exec(value) ?? [];
  const ms = Number(count) * (unit === 's' ? 1000 : 1);
  if (count !== '' && ms > 0 && ms <= LONGEST_S * 1000) return ms;
  throw new InvalidArgumentError('Expected a number with ms or s, for example 200ms.');
}

/** The filter of a subscription. @throws {CliError} on a `--filter` that is not `field=values` */
export function filterOf({ path = [], ext = [], filter = [] }: FilterOptions): SubscriptionFilter {
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
