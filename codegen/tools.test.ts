import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
import { describe, expect, test } from 'vitest';

const TEXT = readFileSync(new URL('../asyncapi.yaml', import.meta.url), 'utf8');

describe('the contract in other tools', () => {
  test('is parsed by the official parser from its raw text without errors or warnings', async () => {
    const { document, diagnostics } = await new Parser().parse(TEXT);
    // The hint that a newer version exists is ignored: the contract stays at 3.0.0, because Modelina cannot read 3.1.0.
    expect(diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version')).toEqual([]);
    expect(document?.version()).toBe('3.0.0');
  });

  test('has a server for each channel, a title for each operation, and credentials where they are needed', async () => {
    const { document } = await new Parser().parse(TEXT);
    for (const channel of document?.channels().all() ?? []) {
      const protocols = channel
        .servers()
        .all()
        .map((server) => server.protocol());
      expect([channel.id(), protocols]).toEqual([channel.id(), [channel.id() === 'connection' ? 'ws' : 'http']]);
    }
    for (const operation of document?.operations().all() ?? []) {
      const { title } = operation.json() as { readonly title?: string };
      expect([operation.id(), title]).toEqual([operation.id(), expect.stringMatching(/^[A-Z]/)]);
      const needsScope = (operation.extensions().get('x-scopes')?.value<readonly string[]>() ?? []).length > 0;
      const hasSecurity = operation.security().length === 2;
      expect([operation.id(), hasSecurity || !needsScope]).toEqual([operation.id(), true]);
    }
  });
});
