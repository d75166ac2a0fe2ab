/**
 * `tidemark config show | check | schema`: prints the configuration that a gateway would use, checks it, or prints the JSON Schema of the
 * configuration file.
 */
import { constants, existsSync } from 'node:fs';
import { access, opendir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { parseRedisUrl } from '../broker/redis/url.ts';
import { catalogueOf } from '../catalogue/built-contract.ts';
import { eventTable } from '../catalogue/event-table.ts';
import type { Config, Entry, Problem } from '../config/config.ts';
import { settingsSchema } from '../config/schema.ts';
import { memoryCosts } from '../config/memory-cost.ts';
import type { MemoryCost } from '../config/memory-cost.ts';
import { resolveLimits } from '../options.ts';
import { openAuthentication } from './authentication.ts';
import { configurationOptions, problemLines, readConfiguration } from './configuration.ts';
import { withoutUserPart } from './credential-mask.ts';
import { EXIT } from './exit.ts';
import { createLog } from './log.ts';
import { openContract } from './open-contract.ts';
import { reasonOf, watchFault } from './reason.ts';
import { print, printJson, printStatus, table, tint } from './terminal.ts';

type Options = Readonly<Record<string, unknown>>;

export function registerConfig(program: Command): void {
  const config = program.command('config').description('show or check the configuration; starts no gateway');
  configurationOptions(config.command('show'))
    .description('print every setting with its value and source')
    .option('--json', 'print the result as JSON')
    .action(show);
  configurationOptions(config.command('check'))
    .description(
      'report problems in the configuration, and the maximum memory of a node; exits with 2 if `serve` would reject the configuration',
    )
    .option('--json', 'print the result as JSON')
    .action(check);
  config
    .command('schema')
    .description('print the JSON Schema of the configuration file, for editors')
    .action(() => print(JSON.stringify(settingsSchema(), null, 2)));
}

async function show(options: Options): Promise<void> {
  const { entries, problems } = readConfiguration(options);
  const shown = entries.map((entry) => ({ key: entry.setting.key, value: shownValue(entry), source: entry.source }));
  if (options['json'] === true) await printJson(shown);
  else await print(table(shown.map(({ key, value, source }) => [key, textOf(value), source])));
  complain(problems);
}

async function check(options: Options): Promise<void> {
  const { config, problems: found, warnings } = readConfiguration(options);
  const problems = found.length === 0 ? await unreadable(config) : found;
  const costs = memoryCosts(resolveLimits(config.limits));
  const memory = { atMostBytes: costs.reduce((sum, { bytes }) => sum + bytes, 0), costs };
  if (options['json'] === true) await printJson({ ok: problems.length === 0, problems, warnings, memory });
  else if (problems.length === 0) await print(memoryTable(memory));
  for (const line of warnings) printStatus(tint('yellow', `warning: ${line.where}: ${line.text}`));
  complain(problems);
  if (problems.length === 0) printStatus(tint('green', 'The configuration is valid.'));
}

function memoryTable({
  atMostBytes,
  costs,
}: {
  readonly atMostBytes: number;
  readonly costs: readonly MemoryCost[];
}): string {
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / (1024 * 1024))}`.padStart(6);
  return table([
    ['MEMORY AT MOST', '   MiB', 'BOUNDED BY'],
    ...costs.map(({ what, bytes, limits, nodeOption }) => [what, mebibytes(bytes), nodeOption ?? limits.join(', ')]),
    ['total', mebibytes(atMostBytes), ''],
  ]);
}

/** Checks that the configured directories, contract and credentials can be read, and that the audit log can be written. */
async function unreadable(config: Config): Promise<readonly Problem[]> {
  const { watch, auditFile, contract } = config;
  const directories = await Promise.all(
    watch.map(async ({ directory }) => ({ where: 'watch', text: await directoryFault(directory) })),
  );
  const audit = { where: 'auditFile', text: auditFile === undefined ? undefined : await auditFault(auditFile) };
  const auth = { where: 'auth', text: await authenticationFault(config) };
  const events = {
    where: 'contract',
    text: contract === undefined ? undefined : await contractFault(contract, config),
  };
  return [...directories, audit, events, auth].flatMap(({ where, text }) =>
    text === undefined ? [] : [{ where, text }],
  );
}

async function directoryFault(directory: string): Promise<string | undefined> {
  try {
    await (await opendir(directory)).close();
    return undefined;
  } catch (error) {
    return watchFault(directory, error);
  }
}

async function contractFault(path: string, { replay }: Config): Promise<string | undefined> {
  try {
    const { contract, dispose } = await openContract(path);
    await dispose();
    eventTable(replay, catalogueOf(contract));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'The contract cannot be read.';
  }
}

async function auditFault(file: string): Promise<string | undefined> {
  try {
    await access(existsSync(file) ? file : dirname(file), constants.W_OK);
    return undefined;
  } catch (error) {
    return `The audit log ${file} cannot be written: ${reasonOf(error)}`;
  }
}

async function authenticationFault(config: Config): Promise<string | undefined> {
  try {
    await (await openAuthentication(config, createLog({ level: 'silent', format: 'json' }).log))?.close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'The credentials cannot be read.';
  }
}

function complain(problems: Parameters<typeof problemLines>[0]): void {
  if (problems.length === 0) return;
  printStatus(tint('red', problemLines(problems)));
  process.exitCode = EXIT.usage;
}

function shownValue({ setting, value }: Entry): unknown {
  if (value === undefined) return null;
  if (setting.kind === 'section') return '(set)';
  return setting.secret === true && typeof value === 'string' ? maskedAddress(value) : value;
}

/** The address of Redis without its login. Of an invalid address nothing is shown, because any part may be the password. */
function maskedAddress(url: string): string {
  try {
    parseRedisUrl(url);
    return withoutUserPart(url);
  } catch {
    return '(invalid)';
  }
}

function textOf(value: unknown): string {
  if (value === null) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
