import { describe, expect, test } from 'vitest';
import { readAuthSettings } from './settings.ts';

const issuer = { issuer: 'ide', audience: 'tidemark', kind: 'agent', algorithms: ['HS256'], secretFile: 'secret' };

function problemsOf(section: Readonly<Record<string, unknown>>): string[] {
  return readAuthSettings(section).problems.map(({ key, text }) => `${key} ${text}`);
}

describe('the section auth', () => {
  test('is read with its defaults', () => {
    expect(readAuthSettings({ issuers: [issuer], apiKeysFile: 'keys.json' })).toEqual({
      settings: {
        issuers: [
          {
            issuer: 'ide',
            audience: 'tidemark',
            kind: 'agent',
            algorithms: ['HS256'],
            key: { kind: 'secretFile', value: 'secret' },
          },
        ],
        apiKeys: { kind: 'file', path: 'keys.json' },
        clockToleranceSeconds: 5,
        maxLifetimeSeconds: 86_400,
      },
      problems: [],
    });
  });

  test.each([
    ['no client could authenticate', {}, /^auth accepts no client/],
    ['a setting is unknown', { issuer: [] }, /^auth\.issuer is not a setting\. Known settings: issuers, /],
    ['an issuer has no key', { issuers: [{ ...issuer, secretFile: undefined }] }, /issuers\[0\] needs exactly one of/],
    ['an issuer has two keys', { issuers: [{ ...issuer, jwksUrl: 'https://x' }] }, /issuers\[0\] needs exactly one of/],
    [
      'no algorithm is named',
      { issuers: [{ ...issuer, algorithms: [] }] },
      /algorithms must be a list of algorithms for secretFile: HS256/,
    ],
    [
      'a secret goes with RS256',
      { issuers: [{ ...issuer, algorithms: ['RS256'] }] },
      /algorithms must be a list of algorithms for secretFile: HS256/,
    ],
    ['none is an algorithm', { issuers: [{ ...issuer, algorithms: ['none'] }] }, /algorithms must be a list/],
    [
      'a public key goes with HS256',
      { issuers: [{ ...issuer, secretFile: undefined, publicKeyFile: 'key.pem' }] },
      /algorithms must be a list of algorithms for publicKeyFile: RS256/,
    ],
    [
      'keys come over plain HTTP',
      { issuers: [{ ...issuer, secretFile: undefined, jwksUrl: 'http://id.example/k', algorithms: ['ES256'] }] },
      /jwksUrl must begin with https/,
    ],
    ['two issuers have the same name', { issuers: [issuer, issuer] }, /issuers\[1\]\.issuer ide is listed twice/],
    ['keys are in two places', { apiKeysFile: 'k', apiKeys: 'redis' }, /cannot be combined with/],
    [
      'a duration is not a number',
      { issuers: [issuer], maxLifetimeSeconds: 'long' },
      /maxLifetimeSeconds must be a whole number/,
    ],
    [
      'the maximum lifetime is 0',
      { issuers: [issuer], maxLifetimeSeconds: 0 },
      /maxLifetimeSeconds must be .* from 1 to/,
    ],
    ['the kind is unknown', { issuers: [{ ...issuer, kind: 'admin' }] }, /kind must be one of user, agent, service/],
  ])('is refused when %s', (_name, section, text) => {
    expect(problemsOf(section).join('\n')).toMatch(text);
  });
});
