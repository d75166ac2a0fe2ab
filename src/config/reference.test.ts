/** The reference and the JSON Schema of the settings must agree with what the gateway reads. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAuthSettings } from '../auth/settings.ts';
import { resolveConfig } from './config.ts';
import { settingsReference } from './reference.ts';
import { settingsSchema } from './schema.ts';
import { SETTINGS } from './settings.ts';

const DOCS = join(import.meta.dirname, '../../docs/configuration');
const fits = new Ajv({ strictTypes: false, strictRequired: false }).compile(settingsSchema());
let file: string;

beforeAll(() => {
  file = join(mkdtempSync(join(tmpdir(), 'tidemark-schema-')), 'tidemark.yaml');
});
afterAll(() => rmSync(join(file, '..'), { recursive: true }));

/** Matches the problems that concern the form of a value. The schema cannot check what a value means. */
const FORM =
  /must be (?:a non-empty string|a whole number|true or false|one of|a list of strings|a section|a map)|is not a setting/;

function faultsOf(document: unknown): string[] {
  writeFileSync(file, JSON.stringify(document));
  return resolveConfig({ file })
    .problems.map(({ text }) => text)
    .filter((text) => FORM.test(text));
}

/** Builds a document: `limits.jsonDepth` = 5 becomes `{ limits: { jsonDepth: 5 } }`. */
function documentOf(key: string, value: unknown): object {
  const [section = '', ...rest] = key.split('.');
  return rest.length === 0 ? { [section]: value } : { [section]: { [rest.join('.')]: value } };
}

const bounds = SETTINGS.flatMap(({ minimum, maximum }) => [minimum ?? 0, maximum ?? 0]);
const VALUES: readonly unknown[] = [
  ...new Set([...bounds, ...bounds.map((each) => each - 1), ...bounds.map((each) => each + 1)]),
  ...['on', 'off', 'log', 'latest', 'info', 'forwarded', 'other', '', 1.5, -1, true, false],
  ...[null, [], ['a'], [1], [['a']], {}, { a: 1 }],
];

describe('the reference and the schema', () => {
  test('are what `npm run docs:settings` writes', () => {
    expect(readFileSync(join(DOCS, 'settings.md'), 'utf8')).toBe(settingsReference());
    const schema: unknown = JSON.parse(readFileSync(join(DOCS, 'tidemark.schema.json'), 'utf8'));
    expect(schema).toEqual(JSON.parse(JSON.stringify(settingsSchema())));
  });

  test('name every setting', () => {
    for (const { key } of SETTINGS.filter(({ kind }) => kind !== 'section'))
      expect(settingsReference()).toContain(`| \`${key}\` |`);
  });
});

describe('the schema agrees with the gateway', () => {
  test.each(SETTINGS.filter(({ key }) => key !== 'auth'))('on every kind of value of $key', ({ key }) => {
    const judged = VALUES.map((value) => {
      const document = documentOf(key, value);
      return { value, schema: fits(document), gateway: faultsOf(document).length === 0 };
    });
    expect(judged.filter(({ schema, gateway }) => schema !== gateway)).toEqual([]);
  });

  test.each([
    [{ prot: 1 }],
    [{ limits: { jsonDeep: 8 } }],
    [{ replay: { 'build.finished': 'log' } }],
    [{ replay: { 'build.finished': 'sometimes' } }],
    [{ host: '127.0.0.1', port: 0, limits: {}, replay: {} }],
  ])('on %j', (document) => {
    expect(fits(document)).toBe(faultsOf(document).length === 0);
  });

  const issuer = { issuer: 'a', audience: 'b', kind: 'user', algorithms: ['HS256'], secretFile: 'f' };
  const jwks = { ...issuer, secretFile: undefined, algorithms: ['ES256'] };
  test.each([
    [{}],
    [{ issuers: [] }],
    [{ issuers: {} }],
    [{ issuers: [issuer] }],
    [{ issuers: [{ ...issuer, kind: 'robot' }] }],
    [{ issuers: [{ ...issuer, audience: '' }] }],
    [{ issuers: [{ ...issuer, algorithms: [] }] }],
    [{ issuers: [{ ...issuer, algorithms: 'HS256' }] }],
    [{ issuers: [{ ...issuer, algorithms: ['ES256'] }] }],
    [{ issuers: [{ ...issuer, algorithms: ['HS256', 'RS256'] }] }],
    [{ issuers: [{ ...issuer, secretVariable: 'V' }] }],
    [{ issuers: [{ ...issuer, secretFile: undefined }] }],
    [{ issuers: [{ ...issuer, secret: 'text' }] }],
    [{ issuers: [{ ...jwks, publicKeyFile: 'k.pem' }] }],
    [{ issuers: [{ ...jwks, jwksUrl: 'https://id.example/jwks' }] }],
    [{ issuers: [{ ...jwks, jwksUrl: 'http://id.example/jwks' }] }],
    [{ issuers: [{ ...jwks, jwksUrl: 'http://127.0.0.1:9/jwks' }] }],
    [{ issuers: [{ ...jwks, jwksUrl: 'http://localhost.id.example/jwks' }] }],
    [{ apiKeysFile: 'keys.json' }],
    [{ apiKeysFile: 7 }],
    [{ apiKeys: 'redis' }],
    [{ apiKeys: 'file' }],
    [{ apiKeys: 'redis', apiKeysFile: 'keys.json' }],
    [{ apiKeysFile: 'k', clockToleranceSeconds: 301 }],
    [{ apiKeysFile: 'k', clockToleranceSeconds: 0, maxLifetimeSeconds: 0 }],
    [{ apiKeysFile: 'k', clockToleranceSeconds: 300, maxLifetimeSeconds: 31_536_000 }],
    [{ apiKeysFile: 'k', leeway: 5 }],
  ])('on the section auth %j', (given) => {
    const section = JSON.parse(JSON.stringify(given)) as Readonly<Record<string, unknown>>;
    expect(fits({ auth: section })).toBe(readAuthSettings(section).problems.length === 0);
  });
});
