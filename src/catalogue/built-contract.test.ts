import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildTo } from '../../codegen/own-events/built-form.ts';
import { openContract } from '../../codegen/own-events/open.ts';
import { documentAssets } from '../http/assets.ts';
import { catalogueOf, loadContract } from './built-contract.ts';
import { stockCatalogue } from './catalogue.ts';

const ACME = join(import.meta.dirname, '../../examples/own-events/acme.yaml');
const scratch = mkdtempSync(join(tmpdir(), 'tidemark-built-'));
const BUILT = join(scratch, 'built');

beforeAll(async () => {
  await buildTo(await openContract(ACME), BUILT);
});

/** Copies the built contract, and changes one file in the copy. */
function changed(name: string, change: (text: string) => string | undefined): string {
  const directory = mkdtempSync(join(scratch, 'copy-'));
  cpSync(BUILT, directory, { recursive: true });
  const text = change(readFileSync(join(directory, name), 'utf8'));
  if (text === undefined) rmSync(join(directory, name));
  else writeFileSync(join(directory, name), text);
  return directory;
}

describe('a built contract', () => {
  test("gives the stock catalogue and the team's own events, with validators, filters and replay policies", async () => {
    const catalogue = catalogueOf(await loadContract(BUILT));
    expect([...catalogue.events.keys()]).toEqual([...stockCatalogue.events.keys(), 'build_finished']);
    for (const [name, { replay, filterable }] of stockCatalogue.events)
      expect(catalogue.events.get(name)).toMatchObject({ replay, filterable });
    expect([...catalogue.filters]).toEqual([...stockCatalogue.filters, ['targets', 'exact']]);
    const event = catalogue.events.get('build_finished');
    expect(event?.replay).toEqual({ policy: 'latest-per-key', key: '/payload/target', keySpace: 'build_finished' });
    expect(event?.fits({ target: 'web', ok: true })).toBe(true);
    expect(event?.fits({ target: 'web', ok: 'yes' })).toBe(false);
    expect(event?.fits.errors?.[0]?.instancePath).toBe('/ok');
    const { asyncapi, docs } = catalogue.documents();
    expect(asyncapi).toContain('build_finished');
    expect(docs).toContain('build_finished');
  });

  test('has no Markdown reference if an earlier version built it, so only the HTML page is served (OPS-7)', async () => {
    expect(catalogueOf(await loadContract(BUILT)).documents().docsText).toContain('### build_finished');
    const earlier = changed('manifest.json', (text) => text.replace(/\s*"docs\.md": "[^"]*",/, ''));
    rmSync(join(earlier, 'docs.md'));
    const catalogue = catalogueOf(await loadContract(earlier));
    expect(catalogue.documents()).not.toHaveProperty('docsText');
    const { page, markdown } = documentAssets(catalogue).docs;
    expect(markdown).toBe(page);
  });

  test.each([
    ['a directory without a manifest', () => scratch, 'is not a built contract: manifest.json cannot be read'],
    ['a manifest that is not JSON', () => changed('manifest.json', () => '{'), 'manifest.json is not valid JSON'],
    [
      'a manifest of another kind',
      () => changed('manifest.json', () => '{}'),
      'manifest.json has an unexpected format',
    ],
    [
      'a later format',
      () => changed('manifest.json', (text) => text.replace('"formatVersion": 1', '"formatVersion": 2')),
      'has format 2; this version reads 1. Build it again',
    ],
    [
      'another version of the protocol',
      () =>
        changed('manifest.json', (text) => text.replace(/"protocolVersion": "[^"]*"/, '"protocolVersion": "0.9.0"')),
      'was built for protocol 0.9.0; this gateway implements',
    ],
    [
      'another contract',
      () =>
        changed('manifest.json', (text) => text.replace(/"digest": "[^"]*"/, `"digest": "sha256:${'0'.repeat(64)}"`)),
      'has a manifest for a different contract',
    ],
    ['a changed file', () => changed('index.js', (text) => `${text}\n`), 'was changed after it was built: index.js'],
    ['a missing file', () => changed('docs.html', () => undefined), 'lacks docs.html, which its manifest names'],
  ])('is refused with the reason: %s', async (_what, directory, text) => {
    await expect(loadContract(directory())).rejects.toThrow(text);
  });

  test('is refused by a gateway of another version, also when it is imported as a module', async () => {
    const contract = await loadContract(BUILT);
    expect(() => catalogueOf({ ...contract, protocolVersion: '0.9.0' })).toThrow('was built for protocol 0.9.0');
    expect(() => catalogueOf({ ...contract, formatVersion: 9 })).toThrow('has format 9');
  });
});
