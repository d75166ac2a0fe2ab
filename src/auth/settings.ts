/**
 * Reads the section `auth` of the configuration, which determines which clients may connect.
 *
 *     auth:
 *       issuers:
 *         - issuer: https://id.example            # exact `iss` of the tokens
 *           audience: tidemark                    # must be in the tokens' `aud`
 *           kind: user                            # user, agent or service
 *           algorithms: [ES256]                   # the accepted algorithms
 *           jwksUrl: https://id.example/jwks.json # or publicKeyFile, secretFile, secretVariable
 *       apiKeysFile: keys.json                    # or apiKeys: redis
 *       clockToleranceSeconds: 5
 *       maxLifetimeSeconds: 86400
 */
import { LOOPBACK_NAMES } from './loopback.ts';

export type IssuedKind = 'user' | 'agent' | 'service';

/** The source of the key that verifies a token's signature. */
export type KeySource =
  | { readonly kind: 'secretFile' | 'secretVariable' | 'publicKeyFile'; readonly value: string }
  | { readonly kind: 'jwksUrl'; readonly value: string };

export interface IssuerSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly kind: IssuedKind;
  readonly algorithms: readonly string[];
  readonly key: KeySource;
}

export interface AuthSettings {
  readonly issuers: readonly IssuerSettings[];
  readonly apiKeys: { readonly kind: 'file'; readonly path: string } | { readonly kind: 'redis' } | undefined;
  /** The largest accepted clock difference between an issuer and this machine. */
  readonly clockToleranceSeconds: number;
  /** The longest accepted lifetime of a token, from `iat` to `exp`. */
  readonly maxLifetimeSeconds: number;
}

export interface SettingsProblem {
  /** Path of the setting, such as `auth.issuers[0].algorithms`. */
  readonly key: string;
  readonly text: string;
}

export interface ReadSettings {
  readonly settings: AuthSettings;
  readonly problems: readonly SettingsProblem[];
}

export const SYMMETRIC = ['HS256', 'HS384', 'HS512'];
export const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const KEY_SOURCES = ['secretFile', 'secretVariable', 'publicKeyFile', 'jwksUrl'] as const;
export const KINDS = ['user', 'agent', 'service'] as const;
export const DEFAULT_TIMES = { clockToleranceSeconds: 5, maxLifetimeSeconds: 86_400 } as const;

export const TIME_BOUNDS = {
  clockToleranceSeconds: { minimum: 0, maximum: 300 },
  maxLifetimeSeconds: { minimum: 1, maximum: 31_536_000 },
} as const;

type Section = Readonly<Record<string, unknown>>;

/** Reads the section and collects all problems. The text of each problem states which value is expected. */
export function readAuthSettings(section: Section): ReadSettings {
  const reader = new Reader();
  reader.known(section, 'auth', ['issuers', 'apiKeysFile', 'apiKeys', 'clockToleranceSeconds', 'maxLifetimeSeconds']);
  const given = section['issuers'] ?? [];
  if (!Array.isArray(given)) reader.complain('auth.issuers', 'must be a list.');
  const issuers = (Array.isArray(given) ? (given as unknown[]) : []).flatMap(
    (each, index) => readIssuer(reader, each, `auth.issuers[${index}]`) ?? [],
  );
  const settings = {
    issuers,
    apiKeys: readApiKeys(reader, section),
    clockToleranceSeconds: reader.seconds(section, 'clockToleranceSeconds', {
      standard: DEFAULT_TIMES.clockToleranceSeconds,
      ...TIME_BOUNDS.clockToleranceSeconds,
    }),
    maxLifetimeSeconds: reader.seconds(section, 'maxLifetimeSeconds', {
      standard: DEFAULT_TIMES.maxLifetimeSeconds,
      ...TIME_BOUNDS.maxLifetimeSeconds,
    }),
  };
  for (const [index, { issuer }] of issuers.entries()) {
    if (issuers.findIndex((each) => each.issuer === issuer) < index)
      reader.complain(
        `auth.issuers[${index}].issuer`,
        `${issuer} is listed twice, so the key for its tokens is ambiguous. Remove one of the two.`,
      );
  }
  if (reader.problems.length === 0 && issuers.length === 0 && settings.apiKeys === undefined)
    reader.complain('auth', 'accepts no client: configure `issuers`, `apiKeysFile` or `apiKeys: redis`.');
  return { settings, problems: reader.problems };
}

function readIssuer(reader: Reader, value: unknown, key: string): IssuerSettings | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    reader.complain(key, 'must be a section with issuer, audience, kind, algorithms and a key.');
    return undefined;
  }
  const section = value as Section;
  reader.known(section, key, ['issuer', 'audience', 'kind', 'algorithms', ...KEY_SOURCES]);
  const issuer = reader.text(section, key, 'issuer');
  const audience = reader.text(section, key, 'audience');
  const kind = KINDS.find((each) => each === section['kind']);
  if (kind === undefined) reader.complain(`${key}.kind`, `must be one of ${KINDS.join(', ')}.`);
  const source = readKeySource(reader, section, key);
  const algorithms = readAlgorithms(reader, section, key, source);
  if (issuer === undefined || audience === undefined || kind === undefined || source === undefined) return undefined;
  return { issuer, audience, kind, algorithms, key: source };
}

function readKeySource(reader: Reader, section: Section, key: string): KeySource | undefined {
  const given = KEY_SOURCES.filter((each) => section[each] !== undefined);
  const [kind] = given;
  if (kind === undefined || given.length > 1) {
    reader.complain(key, `needs exactly one of ${KEY_SOURCES.join(', ')}.`);
    return undefined;
  }
  const value = reader.text(section, key, kind);
  if (value === undefined) return undefined;
  if (kind === 'jwksUrl' && !isSafeUrl(value)) {
    reader.complain(
      `${key}.jwksUrl`,
      'must begin with https://, because anyone who can modify the response can sign tokens. http:// is allowed only on a loopback address.',
    );
    return undefined;
  }
  return { kind, value };
}

function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK_NAMES.includes(hostname));
}

/** Checks that the algorithms fit the source of the key. If a public key could be used as a shared secret, anyone could sign tokens. */
function readAlgorithms(
  reader: Reader,
  section: Section,
  key: string,
  source: KeySource | undefined,
): readonly string[] {
  const { algorithms } = section;
  const isSecret = source?.kind === 'secretFile' || source?.kind === 'secretVariable';
  const allowed = isSecret ? SYMMETRIC : ASYMMETRIC;
  const fits =
    Array.isArray(algorithms) && algorithms.length > 0 && algorithms.every((each) => allowed.includes(String(each)));
  if (fits) return algorithms.map(String);
  reader.complain(
    `${key}.algorithms`,
    `must be a list of algorithms for ${source?.kind ?? 'the key'}: ${allowed.join(', ')}.`,
  );
  return [];
}

function readApiKeys(reader: Reader, section: Section): AuthSettings['apiKeys'] {
  const { apiKeysFile, apiKeys } = section;
  if (apiKeysFile !== undefined && apiKeys !== undefined)
    reader.complain(
      'auth.apiKeys',
      'cannot be combined with `apiKeysFile`, because API keys have only one storage. Remove one of the two.',
    );
  if (apiKeys !== undefined && apiKeys !== 'redis')
    reader.complain('auth.apiKeys', 'can only be `redis`; use `apiKeysFile` for a file.');
  if (apiKeys === 'redis') return { kind: 'redis' };
  const path = apiKeysFile === undefined ? undefined : reader.text(section, 'auth', 'apiKeysFile');
  return path === undefined ? undefined : { kind: 'file', path };
}

interface Bounds {
  readonly standard: number;
  readonly minimum: number;
  readonly maximum: number;
}

class Reader {
  readonly problems: SettingsProblem[] = [];

  complain(key: string, text: string): void {
    this.problems.push({ key, text });
  }

  known(section: Section, key: string, names: readonly string[]): void {
    for (const name of Object.keys(section))
      if (!names.includes(name))
        this.complain(`${key}.${name}`, `is not a setting. Known settings: ${names.join(', ')}.`);
  }

  text(section: Section, key: string, name: string): string | undefined {
    const value = section[name];
    if (typeof value === 'string' && value !== '') return value;
    this.complain(`${key}.${name}`, 'must be a non-empty string.');
    return undefined;
  }

  seconds(section: Section, name: string, { standard, minimum, maximum }: Bounds): number {
    const value = section[name] ?? standard;
    if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    this.complain(`auth.${name}`, `must be a whole number of seconds from ${minimum} to ${maximum}.`);
    return standard;
  }
}
