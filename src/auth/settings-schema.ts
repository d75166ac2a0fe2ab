/** JSON Schema of the section `auth`. It must accept the same values as {@link readAuthSettings}; a test compares the two. */
import { ASYMMETRIC, DEFAULT_TIMES, KINDS, SYMMETRIC, TIME_BOUNDS } from './settings.ts';

const TEXT = { type: 'string', minLength: 1 };

const issuer = {
  type: 'object',
  required: ['issuer', 'audience', 'kind', 'algorithms'],
  properties: {
    issuer: { ...TEXT, description: "The exact `iss` of the issuer's tokens." },
    audience: { ...TEXT, description: "Must be one of the `aud` values of the issuer's tokens." },
    kind: {
      enum: KINDS,
      description:
        "The kind of principal that the issuer's tokens identify. For `user`, the principal is `user:<sub>`.",
    },
    algorithms: { type: 'array', minItems: 1, description: 'The accepted signature algorithms.' },
    secretFile: { ...TEXT, description: 'File with the shared secret.' },
    secretVariable: { ...TEXT, description: 'Environment variable with the shared secret.' },
    publicKeyFile: { ...TEXT, description: 'PEM file with the public key.' },
    jwksUrl: {
      type: 'string',
      pattern: String.raw`^(?:https:|http://(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/?#]|$))`,
      description: "Address of the issuer's key set: https, or http on a loopback address.",
    },
  },
  additionalProperties: false,
  oneOf: [
    ...['secretFile', 'secretVariable'].map((source) => signedBy(source, SYMMETRIC)),
    ...['publicKeyFile', 'jwksUrl'].map((source) => signedBy(source, ASYMMETRIC)),
  ],
};

/** Restricts a source of a key to its own algorithms. Otherwise a public key could be used as the secret of a symmetric algorithm. */
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
      description: 'The largest accepted clock difference between issuer and gateway.',
    },
    maxLifetimeSeconds: {
      type: 'integer',
      ...TIME_BOUNDS.maxLifetimeSeconds,
      default: DEFAULT_TIMES.maxLifetimeSeconds,
      description: 'The longest accepted lifetime of a token, from `iat` to `exp`.',
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
