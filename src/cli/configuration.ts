/** Reads the configuration of a command from its flags, the environment and the file. */
import { existsSync } from 'node:fs';
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
    const { syntax, text } = flagOf(setting);
    if (setting.kind === 'list') command.option(syntax, text, append);
    else command.option(syntax, text);
  }
  return command.option('--config <file>', `configuration file (default: ${STANDARD_FILE} if it exists)`);
}

function flagOf({ flag = '', kind, choices, standard, description }: Setting): { syntax: string; text: string } {
  const value = choices === undefined ? { integer: '<n>', list: '<value>' }[kind as string] : `<${choices.join('|')}>`;
  const syntax = kind === 'switch' ? `--${flag}` : `--${flag} ${value ?? '<text>'}`;
  const repeat = kind === 'list' ? ' May be repeated.' : '';
  const tail = typeof standard === 'string' || typeof standard === 'number' ? ` (default: ${standard})` : '';
  return { syntax, text: `${description}${repeat}${tail}` };
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
