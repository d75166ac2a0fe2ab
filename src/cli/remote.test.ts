import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { secretOf } from './remote.ts';

const URL_OPTION = { url: 'ws://127.0.0.1:7400/ws' };

let file: string;
beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-secret-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  file = join(directory, 'secret');
  writeFileSync(file, 'own\n');
  vi.stubEnv('TIDEMARK_TOKEN', 'environment-token');
  vi.stubEnv('TIDEMARK_API_KEY', 'environment-key');
});

test('only the credential of the file is used, and none of the environment', () => {
  expect(secretOf({ ...URL_OPTION, tokenFile: file })).toEqual({ token: 'own' });
  expect(secretOf({ ...URL_OPTION, apiKeyFile: file })).toEqual({ apiKey: 'own' });
});

test('an unreadable file is an error, even if the environment has a credential', () => {
  for (const option of [{ tokenFile: `${file}x` }, { apiKeyFile: `${file}x` }])
    expect(() => secretOf({ ...URL_OPTION, ...option })).toThrow('cannot be read');
});

test('two files are an error', () => {
  expect(() => secretOf({ ...URL_OPTION, tokenFile: file, apiKeyFile: file })).toThrow('not both');
});

test('without a file, the environment is used, a token before an API key', () => {
  expect(secretOf(URL_OPTION)).toEqual({ token: 'environment-token' });
  vi.stubEnv('TIDEMARK_TOKEN', '');
  expect(secretOf(URL_OPTION)).toEqual({ apiKey: 'environment-key' });
});
