/**
 * Every setting of a gateway, once: its key in the file, the variable in the environment, its flag, its default and what it
 * is for. `config show`, `config check`, the flags of `serve` and the reading of files all follow this table.
 */
import { LIMITS } from '../../generated/protocol.ts';
import type { LimitName } from '../../generated/protocol.ts';
import { specOf, stockCatalogue } from '../catalogue/catalogue.ts';

export type Value = string | number | boolean | readonly string[] | Readonly<Record<string, unknown>>;

export interface Setting {
  /** Dotted, as in the file. */
  readonly key: string;
  readonly kind: 'text' | 'integer' | 'switch' | 'list' | 'choice' | 'section';
  readonly description: string;
  readonly choices?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  /** What holds when nobody says anything; absent where that is "nothing". */
  readonly standard?: Value;
  /** Name of the flag of `serve`, without its dashes; absent where there is none. */
  readonly flag?: string;
  /** Not shown, and not taken from argv when it holds a password. */
  readonly secret?: true;
}

export const REPLAY_POLICIES = ['none', 'latest', 'latest-per-key', 'log'] as const;

const GENERAL: readonly Setting[] = [
  { key: 'host', kind: 'text', standard: '127.0.0.1', flag: 'host', description: 'Address to listen on.' },
  {
    key: 'port',
    kind: 'integer',
    standard: 7400,
    minimum: 0,
    maximum: 65_535,
    flag: 'port',
    description: 'Port to listen on; 0 chooses a free port.',
  },
  { key: 'path', kind: 'text', standard: '/ws', flag: 'path', description: 'Where the WebSocket is.' },
  {
    key: 'watch',
    kind: 'list',
    standard: [],
    flag: 'watch',
    description: 'Directories whose file changes are published; `name=directory` gives the root another name.',
  },
  {
    key: 'watchStream',
    kind: 'text',
    standard: 'main',
    flag: 'watch-stream',
    description: 'The stream that file changes are published on.',
  },
  {
    key: 'redis',
    kind: 'text',
    flag: 'redis',
    secret: true,
    description: 'URL of a Redis that nodes share; without one, history lives in this process.',
  },
  { key: 'nodeId', kind: 'text', flag: 'node-id', description: 'Tells nodes apart; a random one by default.' },
  {
    key: 'broadcast',
    kind: 'choice',
    choices: ['on', 'off'],
    standard: 'off',
    flag: 'broadcast',
    description:
      'Whether clients may publish by the `broadcast` command (BRD-2); `POST /ws/broadcast` needs only the scope.',
  },
  {
    key: 'allowedOrigins',
    kind: 'list',
    standard: [],
    flag: 'allow-origin',
    description: "Origins of pages that may connect beside the gateway's own, for example https://ide.example (SEC-4).",
  },
  {
    key: 'allowedHosts',
    kind: 'list',
    standard: [],
    flag: 'allow-host',
    description: 'Names under which the gateway is served beside the loopback names (SEC-4).',
  },
  {
    key: 'trustedProxies',
    kind: 'list',
    standard: [],
    flag: 'trust-proxy',
    description: "Addresses and CIDR ranges of proxies in front, whose `forwardedHeader` names the client's address.",
  },
  {
    key: 'forwardedHeader',
    kind: 'choice',
    choices: ['x-forwarded-for', 'forwarded'],
    standard: 'x-forwarded-for',
    flag: 'forwarded-header',
    description: 'The header that the trusted proxies write; the other one is ignored.',
  },
  {
    key: 'insecure',
    kind: 'switch',
    standard: false,
    flag: 'insecure',
    description: 'Serve beyond loopback although no credential is configured (SEC-5).',
  },
  {
    key: 'shutdownDelayMs',
    kind: 'integer',
    standard: 0,
    minimum: 0,
    maximum: 600_000,
    flag: 'shutdown-delay',
    description: 'From SIGTERM until the gateway drains, in ms; meanwhile `/readyz` answers 503 and all else goes on.',
  },
  {
    key: 'contract',
    kind: 'text',
    flag: 'contract',
    description:
      'Events of your own: a document (needs the package tidemark-codegen), or the directory that `tidemark contract build` wrote.',
  },
  {
    key: 'auditFile',
    kind: 'text',
    flag: 'audit-file',
    description: 'File that the audit log is appended to, as JSON lines.',
  },
  {
    key: 'logLevel',
    kind: 'choice',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    standard: 'info',
    flag: 'log-level',
    description: 'What is worth a line on stderr.',
  },
  {
    key: 'auth',
    kind: 'section',
    description: 'Who may connect: issuers of tokens and API keys (see the guide to security).',
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
  const description = `What a warm replay shows of ${what} (RPL-3).`;
  return { key: `replay.${event}`, kind: 'choice', choices: REPLAY_POLICIES, standard, description };
}

export const SETTINGS: readonly Setting[] = [
  ...GENERAL,
  ...(Object.keys(LIMITS) as LimitName[]).map(limitSetting),
  ...[...stockCatalogue.events.keys(), '*'].map(replaySetting),
];

/** `limits.sendQueueBytes` → `TIDEMARK_LIMITS_SEND_QUEUE_BYTES`. Sections and custom events stand in the file only. */
export function variableOf({ key, kind }: Setting): string | undefined {
  if (kind === 'section' || key.includes('*')) return undefined;
  return `TIDEMARK_${key
    .replaceAll('.', '_')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}
