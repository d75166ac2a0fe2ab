/**
 * The configuration of a gateway, with the source of each value. If a setting is given in several places, the order of precedence is: flag,
 * environment (`TIDEMARK_*`), file, default. All problems are collected, so that one run shows everything that must be fixed.
 */
import { basename, resolve } from 'node:path';
import type { LimitName, ReplayPolicy } from '../../generated/protocol.ts';
import { isLoopback } from '../auth/loopback.ts';
import type { ForwardedHeader } from '../auth/forwarded-hops.ts';
import { WILDCARDS } from '../auth/origin.ts';
import { readAuthSettings } from '../auth/settings.ts';
import type { AuthSettings } from '../auth/settings.ts';
import { parseRedisUrl } from '../broker/redis/url.ts';
import { proxyWarnings, valueProblems } from './checks.ts';
import { readConfigFile } from './file.ts';
import type { FileSettings, Problem } from './file.ts';
import { SETTINGS, variableOf } from './settings.ts';
import type { Setting, Value } from './settings.ts';
import type { Environment } from './variables.ts';
import { variableProblems, variableWarnings } from './variables.ts';

export type { Problem } from './file.ts';

export interface WatchTarget {
  readonly directory: string;
  /** The name of the root in events. */
  readonly root: string;
}

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly watch: readonly WatchTarget[];
  readonly watchStream: string;
  /** Size of the largest file that is hashed, in bytes; 0 turns hashes off. */
  readonly watchHashBytes: number;
  readonly redis: string | undefined;
  readonly redisWaitMs: number;
  readonly nodeId: string | undefined;
  readonly broadcast: 'on' | 'off';
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly forwardedHeader: ForwardedHeader;
  readonly insecure: boolean;
  readonly shutdownDelayMs: number;
  readonly workers: number;
  /** Path of a contract with a team's own events: a document, or a directory that `tidemark contract build` wrote. */
  readonly contract: string | undefined;
  readonly auditFile: string | undefined;
  readonly logLevel: string;
  readonly logFormat: 'auto' | 'text' | 'json';
  readonly limits: Readonly<Partial<Record<LimitName, number>>>;
  readonly replay: Readonly<Record<string, ReplayPolicy>>;
  readonly auth: AuthSettings | undefined;
}

/** A setting with its effective value. */
export interface Entry {
  readonly setting: Setting;
  readonly value: Value | undefined;
  /** Where the value was given: `--port`, `TIDEMARK_PORT`, `tidemark.yaml:2` or `default`. */
  readonly source: string;
}

export interface Resolved {
  readonly config: Config;
  readonly entries: readonly Entry[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export interface ConfigSources {
  /** The values of the given flags, by flag name. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly environment?: Environment;
  /** Path of a configuration file. */
  readonly file?: string;
}

const LOG_FORMATS = ['auto', 'text', 'json'] as const;

/** A value that was given for a setting, and where it was given: as a flag, as a variable, or in a line of the file. */
interface Given {
  readonly raw: unknown;
  readonly source: string;
}

/** Resolves a configuration. Problems with values are returned, not thrown. @throws {Error} if the file cannot be read */
export function resolveConfig({ flags = {}, environment = {}, file }: ConfigSources): Resolved {
  const fromFile: FileSettings = file === undefined ? { entries: [], problems: [] } : readConfigFile(file);
  const problems: Problem[] = [...fromFile.problems];
  const settings = [...SETTINGS, ...customReplays(fromFile)];
  const entries = settings.map((setting): Entry => {
    const given = givenValue(setting, { flags, environment, fromFile, file: file ?? '' });
    if (given === undefined) return { setting, value: setting.standard, source: 'default' };
    const { value, fault } = READERS[setting.kind](given.raw, setting);
    if (fault !== undefined) problems.push({ where: given.source, text: `\`${setting.key}\` ${fault}` });
    return { setting, value: fault === undefined ? value : setting.standard, source: given.source };
  });
  const auth = readAuth(entries);
  const config = configOf(entries, auth?.settings);
  problems.push(
    ...(auth?.problems ?? []),
    ...variableProblems(entries, environment),
    ...contradictions(config, entries),
  );
  return { config, entries, problems, warnings: [...variableWarnings(entries, environment), ...warningsOf(config)] };
}

interface ReadAuth {
  readonly settings: AuthSettings;
  readonly problems: readonly Problem[];
}

function readAuth(entries: readonly Entry[]): ReadAuth | undefined {
  const entry = entries.find(({ setting }) => setting.key === 'auth');
  if (entry?.value === undefined) return undefined;
  // The value is an object here, because the reader of sections accepts nothing else.
  const { settings, problems } = readAuthSettings(entry.value as Readonly<Record<string, unknown>>);
  return { settings, problems: problems.map(({ key, text }) => ({ where: entry.source, text: `\`${key}\` ${text}` })) };
}

/**
 * The settings for the replay policies of custom events, which the file lists. The table of settings cannot list them, because it does not
 * know the names of these events. A variable of such a setting has an effect only if the file lists the setting, because the name of the
 * event cannot be derived from the variable.
 */
function customReplays({ entries }: FileSettings): Setting[] {
  const template = SETTINGS.find(({ key }) => key === 'replay.*');
  if (template === undefined) return [];
  const unknown = entries.filter(({ key }) => !SETTINGS.some((setting) => setting.key === key));
  return unknown.map(({ key }) => ({ ...template, key }));
}

interface Places {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Environment;
  readonly fromFile: FileSettings;
  readonly file: string;
}

function givenValue(setting: Setting, { flags, environment, fromFile, file }: Places): Given | undefined {
  const { flag, key } = setting;
  if (flag !== undefined && flags[flag] !== undefined) return { raw: flags[flag], source: `--${flag}` };
  const variable = variableOf(setting);
  const text = variable === undefined ? undefined : environment[variable];
  if (variable !== undefined && text !== undefined)
    return { raw: setting.kind === 'list' ? split(text) : text, source: variable };
  const entry = fromFile.entries.findLast((each) => each.key === key);
  return entry === undefined ? undefined : { raw: entry.value, source: `${file}:${entry.line}` };
}

function split(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

interface Reading {
  readonly value?: Value;
  readonly fault?: string;
}

type ValueReader = (raw: unknown, setting: Setting) => Reading;

const READERS: Readonly<Record<Setting['kind'], ValueReader>> = {
  text: (raw) => (typeof raw === 'string' && raw !== '' ? { value: raw } : { fault: 'must be a non-empty string.' }),
  integer: (raw, { minimum = 0, maximum = Number.MAX_SAFE_INTEGER }) => {
    const value = typeof raw === 'string' && /^\d+$/.test(raw) ? Number(raw) : raw;
    return typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum
      ? { value }
      : { fault: `must be a whole number from ${minimum} to ${maximum}, not ${JSON.stringify(raw)}.` };
  },
  switch: (raw) => {
    const value = new Map<unknown, boolean>([
      ['true', true],
      ['1', true],
      ['false', false],
      ['0', false],
    ]).get(raw);
    return typeof raw === 'boolean' || value !== undefined
      ? { value: value ?? raw === true }
      : { fault: 'must be true or false.' };
  },
  choice: (raw, { choices = [] }) => {
    // Accept true and false too, because tools for YAML 1.1 and JSON write them instead of on and off.
    const value = typeof raw === 'boolean' ? { true: 'on', false: 'off' }[`${raw}`] : raw;
    return typeof value === 'string' && choices.includes(value)
      ? { value }
      : { fault: `must be one of ${choices.join(', ')}, not ${JSON.stringify(raw)}.` };
  },
  list: (raw) =>
    Array.isArray(raw) && raw.every((each) => typeof each === 'string')
      ? { value: raw }
      : { fault: 'must be a list of strings.' },
  section: (raw) =>
    typeof raw === 'object' && raw !== null && !Array.isArray(raw)
      ? { value: raw as Readonly<Record<string, unknown>> }
      : { fault: 'must be a section, with settings under it.' },
};

function configOf(entries: readonly Entry[], auth: AuthSettings | undefined): Config {
  const values = new Map(entries.map(({ setting, value }) => [setting.key, value]));
  const text = (key: string): string | undefined => {
    const value = values.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const list = (key: string): readonly string[] => {
    const value = values.get(key);
    return Array.isArray(value) ? (value as readonly string[]) : [];
  };
  return {
    host: text('host') ?? '',
    port: Number(values.get('port')),
    path: text('path') ?? '',
    watch: list('watch').map(watchTarget),
    watchStream: text('watchStream') ?? '',
    watchHashBytes: Number(values.get('watchHashBytes')),
    redis: text('redis'),
    redisWaitMs: Number(values.get('redisWaitMs')),
    nodeId: text('nodeId'),
    broadcast: text('broadcast') === 'on' ? 'on' : 'off',
    allowedOrigins: list('allowedOrigins'),
    allowedHosts: list('allowedHosts'),
    trustedProxies: list('trustedProxies'),
    forwardedHeader: text('forwardedHeader') === 'forwarded' ? 'forwarded' : 'x-forwarded-for',
    insecure: values.get('insecure') === true,
    shutdownDelayMs: Number(values.get('shutdownDelayMs')),
    workers: Number(values.get('workers')),
    contract: text('contract'),
    auditFile: text('auditFile'),
    logLevel: text('logLevel') ?? 'info',
    logFormat: LOG_FORMATS.find((each) => each === text('logFormat')) ?? 'auto',
    limits: below<number>(entries, 'limits.'),
    replay: below<ReplayPolicy>(entries, 'replay.'),
    auth,
  };
}

/** The values that were given for the settings of a section. Defaults are left out, because the gateway applies them itself. */
function below<T extends Value>(entries: readonly Entry[], prefix: string): Readonly<Record<string, T>> {
  const own = entries.filter(({ setting, source }) => setting.key.startsWith(prefix) && source !== 'default');
  return Object.fromEntries(own.map(({ setting, value }) => [setting.key.slice(prefix.length), value as T]));
}

/** Parses `shop=../shop` or `../shop`. Without a name, the root has the name of its directory. */
function watchTarget(text: string): WatchTarget {
  const [, name, path = text] = /^([A-Za-z0-9._-]+)=(.+)$/.exec(text) ?? [];
  const directory = resolve(path);
  return { directory, root: name ?? (basename(directory) || 'root') };
}

/** Problems with values that cannot be used, and with settings that contradict each other. */
function contradictions(config: Config, entries: readonly Entry[]): Problem[] {
  const { host, insecure, auth, watch } = config;
  const where = (key: string): string => entries.find(({ setting }) => setting.key === key)?.source ?? 'default';
  const found = valueProblems(config, where);
  if (!isLoopback(host) && auth === undefined && !insecure) {
    found.push({
      where: where('host'),
      text:
        `\`host\` is ${host}, and no credential is configured: anyone who can reach this machine could read and publish ` +
        'everything (SEC-5). Listen on 127.0.0.1, configure `auth`, or set --insecure if a proxy checks who may connect.',
    });
  }
  if (auth?.apiKeys?.kind === 'redis' && config.redis === undefined)
    found.push({
      where: where('auth'),
      text: '`auth.apiKeys` is redis, but `redis` is not set. Set it, or use `auth.apiKeysFile`.',
    });
  const roots = watch.map(({ root }) => root);
  const twice = roots.find((root, index) => roots.indexOf(root) !== index);
  if (twice !== undefined) {
    const text = `\`watch\` has two roots named ${twice}, which subscribers could not distinguish. Rename one with name=directory.`;
    found.push({ where: where('watch'), text });
  }
  const [, password] = /:\/\/[^@/]*:([^@/]+)@/.exec(config.redis ?? '') ?? [];
  if (password !== undefined && where('redis') === '--redis') {
    const text =
      'The URL contains a password, which every user of this machine can read in the list of processes. Set TIDEMARK_REDIS or use the configuration file instead.';
    found.push({ where: '--redis', text });
  }
  const fault = faultOfRedisUrl(config.redis);
  if (fault !== undefined) found.push({ where: where('redis'), text: fault });
  return found;
}

function faultOfRedisUrl(url: string | undefined): string | undefined {
  try {
    if (url !== undefined) parseRedisUrl(url);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function warningsOf(config: Config): Problem[] {
  const warnings: Problem[] = [];
  if (config.auth === undefined) {
    const reach = isLoopback(config.host) ? 'Every program on this machine' : 'Anyone who can reach the gateway';
    warnings.push({
      where: 'auth',
      text: `No credential is configured. ${reach} may read and publish everything (SEC-5).`,
    });
  }
  if (WILDCARDS.has(config.host) && config.allowedHosts.length === 0) {
    const text = `The gateway listens on all addresses, but \`allowedHosts\` is empty: only clients that use a loopback name may connect (SEC-4). List the host names that clients use.`;
    warnings.push({ where: 'allowedHosts', text });
  }
  if (config.allowedOrigins.includes('null')) {
    const text =
      '`null` allows pages of every site: a page in a sandboxed frame sends this origin, and so does a local file (SEC-4). List the origins of the pages instead.';
    warnings.push({ where: 'allowedOrigins', text });
  }
  return [...warnings, ...proxyWarnings(config)];
}
