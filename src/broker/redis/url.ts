/**
 * The address of Redis as one URL:
 *
 *   redis://[user:password@]host[:port][/db]                    one server
 *   redis+sentinel://[user:password@]host[:port],…/master[/db]  the master that the sentinels report
 *   redis+cluster://[user:password@]host[:port],…               a cluster; the client finds its other servers through these hosts
 *
 * `rediss`, `rediss+sentinel` and `rediss+cluster` are the same over TLS. Query parameters are `ca`, `cert` and `key` (PEM files),
 * `servername`, and `prefix` (of keys and channels; default `tidemark`). If the sentinels have their own login, `sentinelUser` is its user
 * and `sentinelPasswordFile` names the file with its password. User and password are percent-encoded.
 */
import { readFileSync } from 'node:fs';

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

export interface RedisTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

export interface RedisAddress {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  readonly hosts: readonly RedisHost[];
  /** The name of the master, for sentinels. */
  readonly master?: string;
  readonly username?: string;
  readonly password?: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  readonly db: number;
  readonly tls?: RedisTls;
  readonly prefix: string;
}

/**
 * The form of a URL. Only one `@` is allowed: otherwise, if a password contains an unescaped `/` or `?`, a part of the password would be
 * read as the host, and messages would quote it.
 */
const SHAPE = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/?#@]+)(\/[^?#@]*)?(?:\?([^#@]*))?$/;
const PARAMETERS = ['ca', 'cert', 'key', 'servername', 'prefix', 'sentinelUser', 'sentinelPasswordFile'];

/** Parses the URL of Redis. @throws {Error} that describes the expected form; its message never contains the password */
export function parseRedisUrl(url: string): RedisAddress {
  const match = SHAPE.exec(url);
  if (match === null) {
    throw new Error(
      'The Redis URL is not of the form redis://[user:password@]host[:port][/db], redis+sentinel://host,…/master or ' +
        'redis+cluster://host,… (rediss… for TLS). User and password are percent-encoded: %2F for /, %40 for @.',
    );
  }
  const [, scheme = '', kind, login = '', hosts = '', path = '', query = ''] = match;
  const mode = kind === 'sentinel' || kind === 'cluster' ? kind : 'single';
  const parameters = parseParameters(query);
  return {
    mode,
    hosts: parseHosts(hosts, mode),
    ...parsePath(path, mode),
    ...parseLogin(login),
    ...parseSentinelLogin(parameters),
    ...(scheme === 'rediss' ? { tls: parseTls(parameters) } : {}),
    prefix: parameters.get('prefix') ?? 'tidemark',
  };
}

/** The URL without user, password and parameters, for logs and error messages. */
export function describeRedis(address: RedisAddress): string {
  const scheme = `redis${address.tls === undefined ? '' : 's'}${address.mode === 'single' ? '' : `+${address.mode}`}`;
  const hosts = address.hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  const path = [address.master, address.db === 0 ? undefined : String(address.db)].filter((part) => part !== undefined);
  return `${scheme}://${hosts}${path.map((part) => `/${part}`).join('')}`;
}

function parseParameters(query: string): URLSearchParams {
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (!PARAMETERS.includes(name)) {
      throw new Error(`The Redis URL has the unknown parameter "${name}"; known parameters: ${PARAMETERS.join(', ')}.`);
    }
  }
  const prefix = parameters.get('prefix');
  if (prefix !== null && !/^[\w.:-]{1,64}$/.test(prefix)) {
    throw new Error('The prefix in the Redis URL must have 1 to 64 letters, digits, "_", ".", ":" or "-".');
  }
  return parameters;
}

function parseHosts(text: string, mode: RedisAddress['mode']): readonly RedisHost[] {
  const hosts = text.split(',').map((part) => {
    const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(part);
    const port = match?.[3] === undefined ? (mode === 'sentinel' ? 26_379 : 6_379) : Number(match[3]);
    if (match === null || port < 1 || port > 65_535)
      // The message does not quote the part: if the host is missing, the part is the user and the password.
      throw new Error('The Redis URL has an invalid host: expected host[:port], with a port from 1 to 65535.');
    return { host: match[1] ?? match[2] ?? '', port };
  });
  if (mode === 'single' && hosts.length > 1) {
    throw new Error('The Redis URL names several hosts: use redis+sentinel:// or redis+cluster://.');
  }
  return hosts;
}

function parsePath(path: string, mode: RedisAddress['mode']): { db: number; master?: string } {
  const parts = path.split('/').filter((part) => part !== '');
  const master = mode === 'sentinel' ? parts.shift() : undefined;
  if (mode === 'sentinel' && master === undefined) {
    throw new Error('The Redis URL of sentinels needs the name of the master: redis+sentinel://host/mymaster.');
  }
  const [db = '0', ...rest] = parts;
  if (rest.length > 0 || !/^\d{1,4}$/.test(db))
    throw new Error(`The Redis URL has the path "${path}": expected a database number.`);
  if (mode === 'cluster' && db !== '0')
    throw new Error('A Redis cluster has only database 0: remove the path from the URL.');
  return { db: Number(db), ...(master === undefined ? {} : { master: decoded(master, 'name of the master') }) };
}

/** Decodes a percent-encoded part of the URL. The message of an error does not quote the part, because it may be a secret. */
function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new Error(
      `The Redis URL has a "%" in its ${what} that is not a percent-encoding (RFC 3986 §2.1): write a literal "%" as %25.`,
      { cause: error },
    );
  }
}

function parseLogin(login: string): { username?: string; password?: string } {
  if (login === '') return {};
  const colon = login.indexOf(':');
  const username = decoded(colon < 0 ? login : login.slice(0, colon), 'user name');
  const password = colon < 0 ? undefined : decoded(login.slice(colon + 1), 'password');
  return { ...(username === '' ? {} : { username }), ...(password === undefined ? {} : { password }) };
}

function parseSentinelLogin(parameters: URLSearchParams): { sentinelUsername?: string; sentinelPassword?: string } {
  const username = parameters.get('sentinelUser');
  const file = parameters.get('sentinelPasswordFile');
  return {
    ...(username === null ? {} : { sentinelUsername: username }),
    ...(file === null ? {} : { sentinelPassword: readParameterFile('sentinelPasswordFile', file).trim() }),
  };
}

function parseTls(parameters: URLSearchParams): RedisTls {
  const tls: { -readonly [K in keyof RedisTls]: RedisTls[K] } = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const file = parameters.get(name);
    if (file !== null) tls[name] = readParameterFile(name, file);
  }
  const servername = parameters.get('servername');
  if (servername !== null) tls.servername = servername;
  return tls;
}

function readParameterFile(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`The Redis URL's ${name} names ${file}, which cannot be read.`, { cause: error });
  }
}
