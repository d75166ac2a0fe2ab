/** JSON Schema of the section `auth`. It must accept the same values as {@link readAuthSettings}; a test compares the two. */
import { ASYMMETRIC, DEFAULT_TIMES, KINDS, SYMMETRIC, TIME_BOUNDS } from './settings.ts';

const TEXT = { type: 'string', minLength: 1 };

const issuer = {
  type: 'object',
  required: ['issuer', 'audience', 'kind', 'algorithms'],
  properties: {
    issuer: { ...TEXT, description: '`iss` of its tokens, exactly.' },
    audience: { ...TEXT, description: 'Must be among the `aud` of its tokens.' },
    kind: { enum: KINDS, description: 'What its tokens identify: the principal is `user:<sub>`, for example.' },
    algorithms: { type: 'array', minItems: 1, description: 'The algorithms that are accepted; no other is.' },
    secretFile: { ...TEXT, description: 'File with the shared secret.' },
    secretVariable: { ...TEXT, description: 'Environment variable with the shared secret.' },
    publicKeyFile: { ...TEXT, description: 'PEM file with the public key.' },
    jwksUrl: {
      type: 'string',
      pattern: String.raw`^(?:https:|http://(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/?#]|$))`,
      description: 'Address of its key set; https, or http on a loopback address.',
    },
  },
  additionalProperties: false,
  oneOf: [
    ...['secretFile', 'secretVariable'].map((source) => signedBy(source, SYMMETRIC)),
    ...['publicKeyFile', 'jwksUrl'].map((source) => signedBy(source, ASYMMETRIC)),
  ],
};

/** Each source of a key has its own algorithms, because a public key must never be used as a secret. */
function signedBy(source: string, algorithms: readonly string[]): object {
  return { required: [source], properties: { algorithms: { items: { enum: algorithms } } } };
}

export const AUTH_SCHEMA = {
  type: 'object',
  properties: {
    issuers: { type: 'array', items: issuer, description: 'Issuers of tokens that are accepted.' },
    apiKeysFile: { ...TEXT, description: 'File with the API keys.' },
    apiKeys: { const: 'redis', description: 'API keys in the Redis that the nodes share, instead of a file.' },
    clockToleranceSeconds: {
      type: 'integer',
      ...TIME_BOUNDS.clockToleranceSeconds,
      default: DEFAULT_TIMES.clockToleranceSeconds,
      description: 'The tolerated difference of clocks.',
    },
    maxLifetimeSeconds: {
      type: 'integer',
      ...TIME_BOUNDS.maxLifetimeSeconds,
      default: DEFAULT_TIMES.maxLifetimeSeconds,
      description: 'The longest accepted time from `iat` to `exp` of a token.',
    },
  },
  additionalProperties: false,
  not: { required: ['apiKeys', 'apiKeysFile'] },
  anyOf: [
    { required: ['issuers'], properties: { issuers: { minItems: 1 } } },
    { required: ['apiKeysFile'] },
    { required: ['apiKeys'] },
  ],
} as const;
