/** The examples in `deploy/` are valid for the tools that read them: Kubernetes, Compose, container engines, Caddy and systemd. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { compile } from '../../codegen/testing/compile.ts';
import { CADDY, SYSTEMD_ANALYZE, programOf } from '../../scripts/tools.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const packages = createRequire(import.meta.url);
const { validate } = packages('dockerfile-utils') as {
  readonly validate: (text: string) => readonly { readonly message: string }[];
};
const home = mkdtempSync(join(tmpdir(), 'tidemark-deploy-schemas-'));

afterAll(() => rmSync(home, { recursive: true }));

const textOf = (path: string): string => readFileSync(join(DEPLOY, path), 'utf8');

function run(program: string, ...argv: readonly string[]): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(program, argv, { encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}

function fileOf(name: string, text: string): string {
  const path = join(home, name);
  writeFileSync(path, text);
  return path;
}

/** Replaces a text that must occur. */
function changed(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}

describe('the Kubernetes manifests', () => {
  /**
   * Compiles the manifests as values of the types of the Kubernetes API, and returns the errors. The types are generated from the OpenAPI
   * document of the API. Unknown fields are errors, as with `kubectl apply --validate=strict`.
   */
  function errorsOf(text: string): Promise<string> {
    const types = dirname(packages.resolve('kubernetes-types/package.json'));
    mkdirSync(join(home, 'node_modules'), { recursive: true });
    const link = join(home, 'node_modules/kubernetes-types');
    rmSync(link, { force: true });
    symlinkSync(types, link);
    const code = parseAllDocuments(text).map((document, at) => {
      const manifest = document.toJS() as { readonly apiVersion: string; readonly kind: string };
      const api = manifest.apiVersion.includes('/') ? manifest.apiVersion : `core/${manifest.apiVersion}`;
      const type = `import('kubernetes-types/${api}').${manifest.kind}`;
      return `const m${at}: ${type} = ${JSON.stringify(manifest, undefined, 1)};\n`;
    });
    return compile({ cwd: home, files: [fileOf('manifests.ts', code.join(''))] });
  }

  test('fit the types of the Kubernetes API', async () => {
    expect(await errorsOf(textOf('kubernetes/tidemark.yaml'))).toBe('');
  });

  test.each([
    [
      'an unknown field',
      'readOnlyRootFilesystem:',
      'readOnlyRootFileSystem:',
      '\'"readOnlyRootFileSystem"\' does not exist',
    ],
    ['a wrong type', 'maxSkew: 1', "maxSkew: '1'", "'string' is not assignable to type 'number'"],
    ['an API that does not exist', 'policy/v1', 'policy/v3', 'policy/v3'],
  ])('do not fit the types with %s', async (_name, from, to, error) => {
    expect(await errorsOf(changed(textOf('kubernetes/tidemark.yaml'), from, to))).toContain(error);
  });
});

describe('the compose file', () => {
  const linter = join(dirname(packages.resolve('dclint/package.json')), 'bin/dclint.cjs');
  const lint = (text: string) => run(process.execPath, linter, '--quiet', fileOf('compose.yaml', text));

  test('fits the Compose Specification', () => {
    expect(lint(textOf('compose/compose.yaml'))).toEqual({ code: 0, output: expect.any(String) });
  });

  test('does not fit the specification with a misspelt field', () => {
    const { code, output } = lint(changed(textOf('compose/compose.yaml'), 'mem_limit:', 'memory_limit:'));
    expect([code, output]).toEqual([1, expect.stringContaining('must NOT have additional properties')]);
  });
});

test('the container file has only instructions and flags that exist', () => {
  const text = textOf('container/Containerfile');
  const messages = (each: string): readonly string[] => validate(each).map(({ message }) => message);
  expect(messages(text)).toEqual([]);
  expect(messages(changed(text, '--interval=10s', '--intervall=10s'))).toEqual(['Unknown flag: intervall']);
});

test('Caddy accepts its configuration', () => {
  const check = (text: string) =>
    run(programOf(CADDY), 'validate', '--adapter', 'caddyfile', '--config', fileOf('Caddyfile', text));
  const text = textOf('caddy/Caddyfile');
  expect(check(text)).toEqual({ code: 0, output: expect.stringContaining('Valid configuration') });
  expect(check(changed(text, 'health_uri', 'health_url')).code).toBe(1);
});

/** Overall exposure level as `systemd-analyze security` computes it: 0 is none, 10 is all. */
const EXPOSURE = 1.2;

test.runIf(process.platform === 'linux')('systemd rates the exposure of the service as documented', () => {
  const rate = (text: string) =>
    run(
      programOf(SYSTEMD_ANALYZE),
      'security',
      '--offline=true',
      '--no-pager',
      `--threshold=${EXPOSURE * 10}`,
      fileOf('tidemark.service', text),
    );
  const text = textOf('systemd/tidemark.service');
  const { code, output } = rate(text);
  expect([code, /exposure level for tidemark\.service: (\S+)/.exec(output)?.[1]]).toEqual([0, String(EXPOSURE)]);
  expect(rate(changed(text, 'PrivateDevices=yes\n', '')).code).not.toBe(0);
  expect(readFileSync(join(DEPLOY, '../docs/guides/deploy.md'), 'utf8')).toContain(`rates its exposure ${EXPOSURE} `);
});
