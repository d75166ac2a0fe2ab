import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareVersions } from './compatibility.ts';

const own = (required: string): string => `asyncapi: 3.0.0
info: { title: Acme events, version: 1.0.0 }
x-extends: tidemark
components:
  messages:
    build_finished:
      summary: A build ended.
      x-replay: { policy: latest-per-key, key: /payload/target }
      x-filterable: { targets: [/payload/target] }
      payload:
        type: object
        required: [${required}]
        properties: { target: { type: string }, ok: { type: boolean } }
`;

test('own-events documents are compared after the merge, and findings have lines of the documents themselves', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-own-breaking-'));
  try {
    const contract = join(directory, 'own.yaml');
    await writeFile(contract, own('target'));
    const report = await compareVersions({ against: { name: 'v1', text: own('target, ok') }, contract });
    expect(report.findings.filter(({ severity }) => severity === 'breaking')).toMatchObject([
      { rule: 'required-removed', usedBy: ['event build_finished'], was: { line: 12 }, now: { line: 12 } },
    ]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
