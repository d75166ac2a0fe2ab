/**
 * The table of all settings of a gateway: the key in the file, the environment variable, the flag, the default and the description. `config
 * show`, `config check`, the flags of `serve` and the reader of the file use this table.
 */
import { LOOPBACK_ADDRESS } from '../auth/loopback.ts';
import { LIMITS } from '../../generated/protocol.ts';
import type { LimitName } from '../../generated/protocol.ts';
import { specOf, stockCatalogue } from '../catalogue/catalogue.ts';

export type Value = string | number | boolean | readonly string[] | Readonly<Record<string, unknown>>;

export interface Setting {
  /** The path in the file, with dots between its parts. */
  readonly key: string;
  readonly kind: 'text' | 'integer' | 'switch' | 'list' | 'choice' | 'section';
  readonly description: string;
  readonly choices?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  /** The default, if there is one. */
  readonly standard?: Value;
  /** Name of the flag of `serve`, without dashes, if there is one. */
  readonly flag?: string;
  /** What `--help` shows as the value of the flag. Default: `n`. */
  readonly value?: string;
  /** If true, the value is not shown, and a value that contains a password is rejected on the command line. */
  readonly secret?: true;
}

export const REPLAY_POLICIES = ['none', 'latest', 'latest-per-key', 'log'] as const;

const GENERAL: readonly Setting[] = [
  {
    key: 'host',
    kind: 'text',
    standard: LOOPBACK_ADDRESS,
    flag: 'host',
    value: 'address',
    description: 'Address to listen on.',
  },
  {
    key: 'port',
    kind: 'integer',
    standard: 7400,
    minimum: 0,
    maximum: 65_535,
    flag: 'port',
    description: 'Port to listen on; 0 chooses a free port.',
  },
  { key: 'path', kind: 'text', standard: '/ws', flag: 'path', value: 'path', description: 'Path of the WebSocket.' },
  {
    key: 'watch',
    kind: 'list',
    standard: [],
    flag: 'watch',
    value: '[name=]directory',
    description:
      'Directories whose file changes are published; `name=directory` sets the name that events contain as `root`.',
  },
  {
    key: 'watchStream',
    kind: 'text',
    standard: 'main',
    flag: 'watch-stream',
    value: 'name',
    description: 'The stream on which file changes are published.',
  },
  {
    key: 'watchHashBytes',
    kind: 'integer',
    standard: 0,
    minimum: 0,
    maximum: 1_048_576,
    flag: 'watch-hash',
    value: 'bytes',
    description:
      'Size of the largest file that is hashed, in bytes. Changes of such files contain the SHA-256 of the content. 0 turns hashes off.',
  },
  {
    key: 'redis',
    kind: 'text',
    flag: 'redis',
    value: 'url',
    secret: true,
    description: 'URL of the Redis that nodes share; without it, history is kept only in this process.',
  },
  {
    key: 'redisWaitMs',
    kind: 'integer',
    standard: 30_000,
    minimum: 0,
    maximum: 3_600_000,
    flag: 'redis-wait',
    value: 'ms',
    description: 'How long the gateway waits for Redis when it starts, in ms; with 0, it does not wait.',
  },
  {
    key: 'nodeId',
    kind: 'text',
    flag: 'node-id',
    value: 'name',
    description: 'Name of the node, which no other node with the same Redis may have; random by default.',
  },
  {
    key: 'broadcast',
    kind: 'choice',
    choices: ['on', 'off'],
    standard: 'off',
    flag: 'broadcast',
    value: 'state',
    description:
      'Whether clients may publish by the `broadcast` command (BRD-2); `POST /ws/broadcast` does not depend on this setting.',
  },
  {
    key: 'allowedOrigins',
    kind: 'list',
    standard: [],
    flag: 'allow-origin',
    value: 'origin',
    description:
      "Origins of pages that may connect, in addition to the gateway's own; for example https://ide.example (SEC-4).",
  },
  {
    key: 'allowedHosts',
    kind: 'list',
    standard: [],
    flag: 'allow-host',
    value: 'name',
    description: 'Host names under which clients reach the gateway, in addition to the loopback names (SEC-4).',
  },
  {
    key: 'trustedProxies',
    kind: 'list',
    standard: [],
    flag: 'trust-proxy',
    value: 'address',
    description:
      "Addresses and CIDR ranges of proxies in front of the gateway, which write the client's address into `forwardedHeader`.",
  },
  {
    key: 'forwardedHeader',
    kind: 'choice',
    choices: ['x-forwarded-for', 'forwarded'],
    standard: 'x-forwarded-for',
    flag: 'forwarded-header',
    value: 'header',
    description: 'The header that the trusted proxies write; the other header is ignored.',
  },
  {
    key: 'insecure',
    kind: 'switch',
    standard: false,
    flag: 'insecure',
    description: 'Accept connections on public addresses although no credential is configured (SEC-5).',
  },
  {
    key: 'shutdownDelayMs',
    kind: 'integer',
    standard: 0,
    minimum: 0,
    maximum: 600_000,
    flag: 'shutdown-delay',
    value: 'ms',
    description:
      'Time from SIGTERM until the gateway drains, in ms. During this time, `/readyz` answers 503 and everything else continues.',
  },
  {
    key: 'workers',
    kind: 'integer',
    standard: 1,
    minimum: 1,
    maximum: 256,
    flag: 'workers',
    description:
      'Number of processes that share the port. Each process is a separate node, so several processes require `redis`.',
  },
  {
    key: 'contract',
    kind: 'text',
    flag: 'contract',
    value: 'path',
    description:
      'Contract with your own events: a document (requires the package tidemark-codegen), or a directory that `tidemark contract build` wrote.',
  },
  {
    key: 'auditFile',
    kind: 'text',
    flag: 'audit-file',
    value: 'file',
    description: 'File to which the audit log is appended, as JSON lines.',
  },
  {
    key: 'logLevel',
    kind: 'choice',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    standard: 'info',
    flag: 'log-level',
    value: 'level',
    description: 'Minimum level of log lines on stderr.',
  },
  {
    key: 'logFormat',
    kind: 'choice',
    choices: ['auto', 'text', 'json'],
    standard: 'auto',
    flag: 'log-format',
    value: 'format',
    description:
      'Format of the output on stderr: text, or JSON lines; `auto` is text on a terminal, otherwise JSON lines.',
  },
  {
    key: 'auth',
    kind: 'section',
    description: 'Which clients may connect: issuers of tokens, and API keys (see the guide to security).',
  },
];

function limitSetting(name: LimitName): Setting {
  const { default: standard, minimum, maximum, unit, description } = LIMITS[name];
  return {
    key: `limits.${name}`,
    kind: 'integer',
    standard,
    minimum,
    maximum,
    description: `${description} In ${unit}.`,
  };
}

function replaySetting(event: string): Setting {
  const what = event === '*' ? 'custom events' : event;
  const standard = specOf(stockCatalogue, event).replay.policy;
  const description = `Replay policy of ${what} in a warm replay (RPL-3).`;
  return { key: `replay.${event}`, kind: 'choice', choices: REPLAY_POLICIES, standard, description };
}

export const SETTINGS: readonly Setting[] = [
  ...GENERAL,
  ...(Object.keys(LIMITS) as LimitName[]).map(limitSetting),
  ...[...stockCatalogue.events.keys(), '*'].map(replaySetting),
];

/** The first characters of all environment variables that Tidemark reads. */
export const VARIABLE_PREFIX = 'TIDEMARK_';

/**
 * The environment variable of a setting: `TIDEMARK_LIMITS_SEND_QUEUE_BYTES` for `limits.sendQueueBytes`. Sections and `replay.*` have no
 * variable.
 */
export function variableOf({ key, kind }: Setting): string | undefined {
  if (kind === 'section' || key.includes('*')) return undefined;
  const name = key.replaceAll('.', '_').replaceAll(/([a-z])([A-Z])/g, '$1_$2');
  return `${VARIABLE_PREFIX}${name.toUpperCase()}`;
}
