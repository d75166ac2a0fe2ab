/** Durations on the command line: `90s`, `15min`, `12h`, `30d`. */
import { InvalidArgumentError, Option } from 'commander';

const SECONDS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, d: 86_400 };

/** The longest duration, in seconds: a hundred years. A longer one is probably a mistake, and could exceed the largest possible date. */
const LONGEST_S = 36_500 * 86_400;

/** Creates an option whose value is a duration; it is converted to seconds. */
export function durationOption(syntax: string, text: string): Option {
  return new Option(syntax, text).argParser(readDuration);
}

/** @returns seconds */
function readDuration(text: string): number {
  const [, count, unit = ''] = /^(\d+)(s|min|h|d)$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN);
  if (seconds > 0 && seconds <= LONGEST_S) return seconds;
  throw new InvalidArgumentError('Expected a number with s, min, h or d, for example 15min, and at most 36500d.');
}
