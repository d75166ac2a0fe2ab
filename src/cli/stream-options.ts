/** The options for one stream, or for several streams in one subscription: `--stream`, and the positions after which to begin. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Position } from '../../generated/client.ts';
import type { StreamPosition } from '../../generated/streams.ts';
import { readPosition, readPositions } from '../agents/position.ts';
import { collect } from './event-options.ts';
import { CliError, EXIT } from './exit.ts';
import { plain, printStatus } from './terminal.ts';

export interface StreamOptions {
  readonly stream?: readonly string[];
}

/** A position in one stream, or positions in several. */
export type Since = Position | readonly StreamPosition[];

/** The stream, or the streams, that a command follows. */
export type Target =
  | { readonly stream: string; readonly since: Position | undefined }
  | { readonly streams: readonly string[]; readonly since: readonly StreamPosition[] | undefined };

export function streamOption(command: Command): Command {
  return command.option(
    '--stream <names>',
    "follow this stream: main, workspace:<id>, session:<id>, or a pattern such as 'session:*', which includes streams that appear later; may be repeated (default: main)",
    collect,
  );
}

export function readSince(value: string): Since {
  // Try to read a list first, because an epoch may be any text, even one that looks like `main=…`.
  const since = readPositions(value) ?? readPosition(value);
  if (since !== undefined) return since;
  throw new InvalidArgumentError(
    'Expected <epoch>:<sequenceId>, as in events, or <stream>=<epoch>:<sequenceId>,… for several streams.',
  );
}

/**
 * Determines which streams a command follows, and from which position.
 * @param flag the option that specifies `since`
 * @throws {CliError} if the position belongs to one stream, but the command follows several
 */
export function targetOf({ stream: names = ['main'] }: StreamOptions, since: Since | undefined, flag: string): Target {
  const [first = 'main', ...others] = names;
  const isList = since !== undefined && !('epoch' in since);
  if (!isList && others.length === 0 && !first.includes('*')) return { stream: first, since };
  if (since === undefined || isList) return { streams: names, since };
  throw new CliError(
    `${flag} ${since.epoch}:${since.sequenceId} is a position in one stream. For several streams pass <stream>=<epoch>:<sequenceId>,… as \`wait\` prints it.`,
    EXIT.usage,
  );
}

export function labelOf(target: Target): string {
  return 'stream' in target ? target.stream : target.streams.join(', ');
}

/** Prints a position, from which a later command can continue, to stderr. */
export function printPosition(position: string): void {
  printStatus(`position ${plain(position)}`);
}
