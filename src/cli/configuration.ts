/** Reads the configuration of a command from its flags, the environment and the file. */
import { existsSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import { resolveConfig } from '../config/config.ts';
import type { Problem, Resolved } from '../config/config.ts';
import { SETTINGS } from '../config/settings.ts';
import type { Setting } from '../config/settings.ts';
import { CliError, EXIT } from './exit.ts';
import { reasonOf } from './reason.ts';

/** The configuration file that is read if `--config` is not given. */
const STANDARD_FILE = 'tidemark.yaml';

/** Adds the flags of `serve`, one for each setting that has a flag. */
export function configurationOptions(command: Command): Command {
  for (const setting of SETTINGS) {
    if (setting.flag === undefined) continue;
    const option = optionOf(setting);
    command.addOption(option);
    // `--help` prints the default. Set before `addOption`, the default would also count as a given flag, and override the environment.
    if (option.required && typeof setting.standard !== 'object') option.default(setting.standard);
  }
  return command.option('--config <file>', `configuration file (default: ${STANDARD_FILE} if it exists)`);
}

function optionOf({ flag = '', kind, value = 'n', choices, description }: Setting): Option {
  const repeat = kind === 'list' ? '; may be repeated' : '';
  const option = new Option(
    kind === 'switch' ? `--${flag}` : `--${flag} <${value}>`,
    `${phraseOf(description)}${repeat}`,
  );
  // `choices` is for `--help` and completion. A wrong value is reported with the other problems of the configuration.
  if (choices !== undefined) option.choices(choices).argParser((given) => given);
  return kind === 'list' ? option.argParser(append) : option;
}

/** Changes a description to the form of other help texts: a small first letter, except in an abbreviation, and no full stop at the end. */
function phraseOf(description: string): string {
  return description.replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase()).replace(/\.$/, '');
}

function append(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** Reads the configuration. @throws {CliError} if the configuration file cannot be read */
export function readConfiguration(options: Readonly<Record<string, unknown>>): Resolved {
  const flags = Object.fromEntries(
    SETTINGS.flatMap(({ flag }) => (flag === undefined ? [] : [[flag, options[camel(flag)]]])),
  ) as Readonly<Record<string, unknown>>;
  const named = typeof options['config'] === 'string' ? options['config'] : process.env['TIDEMARK_CONFIG'];
  const file = named ?? (existsSync(STANDARD_FILE) ? STANDARD_FILE : undefined);
  try {
    return resolveConfig({ flags, environment: process.env, ...(file === undefined ? {} : { file }) });
  } catch (error) {
    throw new CliError(`The configuration ${file ?? ''} cannot be read: ${reasonOf(error)}`, EXIT.usage, {
      cause: error,
    });
  }
}

/** The property name under which commander stores the value of a flag, such as `redisWait` for `--redis-wait`. */
function camel(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

export function problemLines(problems: readonly Problem[]): string {
  return problems.map(({ where, text }) => `${where}: ${text}`).join('\n');
}
