import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../generated/protocol.ts';
import { resolveConfig } from './config.ts';
import type { Resolved } from './config.ts';
import { SETTINGS, variableOf } from './settings.ts';

const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function fileOf(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-config-'));
  directories.push(directory);
  const file = join(directory, 'tidemark.yaml');
  writeFileSync(file, text);
  return file;
}

/** The problems of a file, without the path of its directory. */
function problemsOf(text: string): string[] {
  const file = fileOf(text);
  return resolveConfig({ file }).problems.map(
    ({ where, text: problem }) => `${where.replace(file, 'file')} ${problem}`,
  );
}

function sourceOf(resolved: Resolved, key: string): string | undefined {
  return resolved.entries.find(({ setting }) => setting.key === key)?.source;
}

describe('a setting', () => {
  test('comes from the flag, else the environment, else the file, else its default, and reports its source', () => {
    const file = fileOf('port: 1\nhost: 127.0.0.2\nbroadcast: on\n');
    const resolved = resolveConfig({
      file,
      environment: { TIDEMARK_PORT: '2', TIDEMARK_HOST: '127.0.0.3' },
      flags: { port: '3' },
    });
    expect(resolved.problems).toEqual([]);
    expect(resolved.config).toMatchObject({ port: 3, host: '127.0.0.3', broadcast: 'on', path: '/ws' });
    expect(['port', 'host', 'broadcast', 'path'].map((key) => sourceOf(resolved, key))).toEqual([
      '--port',
      'TIDEMARK_HOST',
      `${file}:3`,
      'default',
    ]);
  });

  test('has its own variable, and every limit of the contract is a setting', () => {
    const variables = SETTINGS.flatMap((setting) => variableOf(setting) ?? []);
    expect(new Set(variables).size).toBe(variables.length);
    expect(variables).toContain('TIDEMARK_LIMITS_SEND_QUEUE_BYTES');
    for (const name of Object.keys(LIMITS)) expect(SETTINGS.map(({ key }) => key)).toContain(`limits.${name}`);
  });

  test('that is not given is not passed to the gateway, whose defaults are those of the contract', () => {
    const { config } = resolveConfig({ environment: { TIDEMARK_LIMITS_JSON_DEPTH: '16' } });
    expect(config.limits).toEqual({ jsonDepth: 16 });
    expect(config.replay).toEqual({});
  });

  test('may be the replay policy of a custom event', () => {
    const { config, problems } = resolveConfig({ file: fileOf('replay:\n  build.finished: log\n  "*": none\n') });
    expect(problems).toEqual([]);
    expect(config.replay).toEqual({ 'build.finished': 'log', '*': 'none' });
  });

  test('of a custom event in the file may be changed by its variable', () => {
    const file = fileOf('replay:\n  my.event: log\n');
    const resolved = resolveConfig({ file, environment: { TIDEMARK_REPLAY_MY_EVENT: 'none' } });
    expect(resolved.config.replay).toEqual({ 'my.event': 'none' });
    expect(sourceOf(resolved, 'replay.my.event')).toBe('TIDEMARK_REPLAY_MY_EVENT');
    expect(resolved.warnings.map(({ where }) => where)).toEqual(['auth']);
  });

  test('with directories gives each root a name', () => {
    const { config } = resolveConfig({ flags: { watch: ['shop=./a/b', '.'] } });
    expect(config.watch).toEqual([
      { directory: resolve('a/b'), root: 'shop' },
      { directory: resolve('.'), root: resolve('.').split('/').at(-1) },
    ]);
  });
});

describe('a problem', () => {
  test('is reported with file, line and the expected value, together with all others', () => {
    expect(problemsOf('prot: 1\nport: seven\nlimits:\n  jsonDepth: 4\n  jsonDeep: 8\nbroadcast: maybe\n')).toEqual([
      expect.stringMatching(/^file:1 `prot` is not a setting\. Known settings: host, port, /),
      expect.stringMatching(/^file:5 `limits\.jsonDeep` is not a setting\. Known settings: .*jsonDepth/),
      'file:2 `port` must be a whole number from 0 to 65535, not "seven".',
      'file:6 `broadcast` must be one of on, off, not "maybe".',
      'file:4 `limits.jsonDepth` must be a whole number from 8 to 128, not 4.',
    ]);
  });

  test('reports the line in a file that is not YAML or not a map', () => {
    expect(problemsOf('host: [\nport: 1\n').join('\n')).toMatch(/^file:\d /);
    expect(problemsOf('- a\n')).toEqual(['file:1 A configuration must be a map of settings.']);
    expect(problemsOf('limits: 5\n')).toEqual(['file:1 `limits` is a section: put its settings under it.']);
    expect(problemsOf('')).toEqual([]);
  });

  test('is a public address without credentials, unless explicitly allowed (SEC-5)', () => {
    const everywhere = { host: '0.0.0.0' };
    expect(resolveConfig({ flags: everywhere }).problems).toEqual([
      { where: '--host', text: expect.stringMatching(/no credential is configured.*--insecure/) },
    ]);
    expect(resolveConfig({ flags: { ...everywhere, insecure: true } }).problems).toEqual([]);
    expect(resolveConfig({ flags: { host: '127.0.0.9' } }).problems).toEqual([]);
    expect(resolveConfig({ flags: { host: '127.0.0.1.evil.example' } }).problems).toHaveLength(1);
  });

  test('is a password on the command line', () => {
    const redis = 'redis://ana:secret@127.0.0.1:6379';
    const { problems } = resolveConfig({ flags: { redis } });
    expect(problems).toEqual([{ where: '--redis', text: expect.stringContaining('TIDEMARK_REDIS') }]);
    expect(JSON.stringify(problems)).not.toContain('secret');
    expect(resolveConfig({ environment: { TIDEMARK_REDIS: redis } }).problems).toEqual([]);
    expect(resolveConfig({ environment: { TIDEMARK_REDIS: `${redis}?tls=yes` } }).problems).toEqual([
      { where: 'TIDEMARK_REDIS', text: expect.stringContaining('unknown parameter "tls"') },
    ]);
  });

  test('is a path that is invalid or already used by the gateway', () => {
    const problems = ['ws', '/', '/ws/', '/w s', '/ws?a', '/:id', '/metrics', '/docs', '/console/live'].map(
      (path) => resolveConfig({ flags: { path } }).problems,
    );
    expect(problems.map((each) => each.map(({ where }) => where))).toEqual(problems.map(() => ['--path']));
    expect(resolveConfig({ flags: { path: '/events/v1.0_x~y' } }).problems).toEqual([]);
  });

  test('is an origin that no browser sends, or an allowed host with more than a name (SEC-4)', () => {
    const origins = [
      '*',
      'ide.example',
      'https://IDE.example',
      'https://ide.example/',
      'https://ide.example:443',
      'https://*.ide.example',
    ];
    const hosts = ['https://a.example', 'a.example:443', 'a.example/ws', '*.example', ''];
    for (const origin of origins)
      expect(resolveConfig({ flags: { 'allow-origin': [origin] } }).problems).toEqual([
        { where: '--allow-origin', text: expect.stringContaining('https://ide.example') },
      ]);
    for (const host of hosts)
      expect(resolveConfig({ flags: { 'allow-host': [host] } }).problems).toEqual([
        { where: '--allow-host', text: expect.stringContaining('only a name') },
      ]);
    const fine = {
      'allow-origin': ['https://ide.example', 'http://localhost:3000', 'vscode-webview://1b2c', 'null'],
      'allow-host': ['events.example', 'Events.Example', '10.0.0.5', '[::1]'],
    };
    expect(resolveConfig({ flags: fine }).problems).toEqual([]);
  });

  test('is a trusted proxy that is not an address, or that includes all addresses', () => {
    for (const entry of ['proxy.example', '10.0.0.0/33', '0.0.0.0/0', '*'])
      expect(resolveConfig({ flags: { 'trust-proxy': [entry], insecure: true } }).problems).toEqual([
        { where: '--trust-proxy', text: expect.stringContaining(JSON.stringify(entry)) },
      ]);
    const { config, problems } = resolveConfig({
      environment: { TIDEMARK_TRUSTED_PROXIES: '10.0.0.7, fd00::/64', TIDEMARK_FORWARDED_HEADER: 'forwarded' },
    });
    expect([config.trustedProxies, config.forwardedHeader, problems]).toEqual([
      ['10.0.0.7', 'fd00::/64'],
      'forwarded',
      [],
    ]);
    expect(problemsOf('forwardedHeader: X-Real-IP\n')).toEqual([
      'file:1 `forwardedHeader` must be one of x-forwarded-for, forwarded, not "X-Real-IP".',
    ]);
  });

  test('is a stream for file changes that no client can subscribe to', () => {
    expect(resolveConfig({ flags: { 'watch-stream': 'files' } }).problems).toEqual([
      { where: '--watch-stream', text: expect.stringContaining('workspace:<id>') },
    ]);
    expect(resolveConfig({ flags: { 'watch-stream': 'workspace:shop' } }).problems).toEqual([]);
  });

  test('is a replay policy per key for an event without a key', () => {
    expect(problemsOf('replay:\n  file_change: latest-per-key\n  "*": latest-per-key\n')).toEqual([
      'file:2 `replay.file_change` cannot be latest-per-key: file_change has no key. Choose none, latest or log.',
      'file:3 `replay.*` cannot be latest-per-key: a custom event has no key. Choose none, latest or log.',
    ]);
    expect(problemsOf('replay:\n  entity_created: latest-per-key\n')).toEqual([]);
  });

  test('is a variable that stands for the policies of several events', () => {
    const file = fileOf('replay:\n  my.event: log\n  my_event: log\n  file.change: log\n');
    const problemsWith = (...names: readonly string[]) =>
      resolveConfig({ file, environment: Object.fromEntries(names.map((name) => [name, 'none'])) }).problems;
    expect(problemsWith('TIDEMARK_REPLAY_MY_EVENT', 'TIDEMARK_REPLAY_FILE_CHANGE')).toEqual([
      {
        where: 'TIDEMARK_REPLAY_FILE_CHANGE',
        text: expect.stringContaining('`replay.file_change` and `replay.file.change`'),
      },
      { where: 'TIDEMARK_REPLAY_MY_EVENT', text: expect.stringContaining('`replay.my.event` and `replay.my_event`') },
    ]);
    expect(problemsWith('TIDEMARK_REPLAY_GRAPH_UPDATE')).toEqual([]);
  });

  test('is a repeated name of a root', () => {
    expect(resolveConfig({ flags: { watch: ['a/src', 'b/src'] } }).problems).toEqual([
      { where: '--watch', text: expect.stringContaining('two roots named src') },
    ]);
  });
});

describe('a warning', () => {
  test('reports unknown variables, and a gateway without credentials', () => {
    const { warnings } = resolveConfig({ environment: { TIDEMARK_PROT: '1', TIDEMARK_URL: 'ws://x' } });
    expect(warnings.map(({ where }) => where)).toEqual(['TIDEMARK_PROT', 'auth']);
  });

  test('reports the variable of a custom event that the file does not list, and where its policy is set', () => {
    const { config, warnings } = resolveConfig({ environment: { TIDEMARK_REPLAY_MY_EVENT: 'none' } });
    expect(config.replay).toEqual({});
    expect(warnings[0]).toEqual({
      where: 'TIDEMARK_REPLAY_MY_EVENT',
      text: expect.stringContaining('set in the file, under `replay`'),
    });
  });

  test('reports the origin `null`, which pages of every site can send (SEC-4)', () => {
    const places = (origins: string): readonly string[] =>
      resolveConfig({ file: fileOf(`allowedOrigins: [${origins}]\n`) }).warnings.map(({ where }) => where);
    expect(places('https://ide.example, "null"')).toEqual(['auth', 'allowedOrigins']);
    expect(places('https://ide.example')).toEqual(['auth']);
  });

  test('warns that remote clients cannot connect if the gateway listens on all addresses without allowed host names (SEC-4)', () => {
    const warned = (flags: Readonly<Record<string, unknown>>): string[] =>
      resolveConfig({ flags: { insecure: true, ...flags } }).warnings.map(({ where }) => where);
    expect(warned({ host: '0.0.0.0' })).toEqual(['auth', 'allowedHosts']);
    expect(warned({ host: '0.0.0.0', 'allow-host': ['events.example'] })).toEqual(['auth']);
    expect(warned({ host: '10.0.0.5' })).toEqual(['auth']);
  });

  test('reports proxy settings that have no effect or reject all clients (SEC-5)', () => {
    const warned = (flags: Readonly<Record<string, unknown>>): string[] =>
      resolveConfig({ flags }).warnings.map(({ where }) => where);
    expect(warned({ 'forwarded-header': 'forwarded' })).toEqual(['auth', 'forwardedHeader']);
    expect(warned({ 'trust-proxy': ['10.0.0.7'] })).toEqual(['auth', 'trustedProxies']);
    expect(warned({ 'trust-proxy': ['10.0.0.7'], 'forwarded-header': 'forwarded', insecure: true })).toEqual(['auth']);
  });

  test('does not report the variable with the secret of an issuer', () => {
    const file = fileOf(
      'auth:\n  issuers:\n    - { issuer: a, audience: b, kind: user, algorithms: [HS256], secretVariable: TIDEMARK_SECRET }\n',
    );
    const { problems, warnings } = resolveConfig({ file, environment: { TIDEMARK_SECRET: 'x' } });
    expect([problems, warnings]).toEqual([[], []]);
  });

  test('does not report the variable with the secret of an issuer that has a problem', () => {
    const file = fileOf('auth: { issuers: [{ issuer: a, secretVariable: TIDEMARK_SECRET }, 7] }\n');
    const { problems, warnings } = resolveConfig({ file, environment: { TIDEMARK_SECRET: 'x' } });
    expect([problems.length > 0, warnings]).toEqual([true, []]);
  });
});
