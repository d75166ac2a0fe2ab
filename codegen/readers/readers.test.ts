/**
 * Tests that other tools can read the contract without conversion, also after a team's own events have been merged into
 * it. `docs/explanation/tools.md` has the table of tools.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { chromium } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, locate } from '../../scripts/tools.ts';
import { openContract } from '../own-events/open.ts';

const HERE = import.meta.dirname;
const STOCK = join(HERE, '../../asyncapi.yaml');
const OWN = join(HERE, '../../examples/own-events/acme.yaml');
const readers = createRequire(join(HERE, 'package.json'));

interface Contract {
  readonly file: string;
  readonly text: string;
}

const contracts: Record<'stock' | 'merged', Contract> = {
  stock: { file: STOCK, text: readFileSync(STOCK, 'utf8') },
  merged: { file: join(mkdtempSync(join(tmpdir(), 'readers-')), 'merged.yaml'), text: '' },
};

beforeAll(async () => {
  const { text } = (await openContract(OWN)).source;
  contracts.merged = { ...contracts.merged, text };
  writeFileSync(contracts.merged.file, text);
});

/** Runs the command of a package, without the network. */
function run(name: string, args: readonly string[]): Promise<string> {
  const program = join(HERE, 'node_modules/.bin', name);
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: HERE, env, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      // If a linter has findings, it exits with 1 and prints them.
      if (error === null || error.code === 1) resolve(stdout);
      else reject(new Error(`${name} failed: ${stderr}`, { cause: error }));
    });
  });
}

describe.each(['stock', 'merged'] as const)('the %s contract', (which) => {
  test('has no fault in the AsyncAPI rules of Spectral, apart from the hint that 3.1.0 is newer', async () => {
    const findings = JSON.parse(
      await run('spectral', [
        'lint',
        contracts[which].file,
        '--ruleset',
        'spectral.yaml',
        '--format',
        'json',
        '--quiet',
      ]),
    ) as readonly { readonly code: string }[];
    expect(findings.filter(({ code }) => code !== 'asyncapi-latest-version')).toEqual([]);
  });

  test('has no error in Redocly, and warnings only where no credential is needed', async () => {
    const { totals, problems } = JSON.parse(
      await run('redocly', ['lint', contracts[which].file, '--format', 'json']),
    ) as { readonly totals: object; readonly problems: readonly { readonly ruleId: string }[] };
    expect(totals).toMatchObject({ errors: 0, ignored: 0 });
    expect(problems.filter(({ ruleId }) => ruleId !== 'security-defined')).toEqual([]);
  });

  test('gives models in Modelina, none of them anonymous', async () => {
    const { TypeScriptGenerator } = readers('@asyncapi/modelina') as {
      readonly TypeScriptGenerator: new () => {
        generate(text: string): Promise<readonly { readonly modelName: string; readonly result: string }[]>;
      };
    };
    const models = await new TypeScriptGenerator().generate(contracts[which].text);
    const names = models.map(({ modelName }) => modelName);
    expect(names.filter((name) => /anonymous/i.test(name))).toEqual([]);
    const own = which === 'merged' ? ['BuildFinishedPayload'] : [];
    expect(names).toEqual(expect.arrayContaining(['FileChangePayload', ...own]));
  });

  test('is rendered by the React component in a browser, with every operation and no error', async () => {
    const executablePath = locate(CHROMIUM);
    if (executablePath === undefined) throw new Error('Chromium is not installed. Run node scripts/ensure-tools.ts.');
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      const faults: string[] = [];
      page.on('pageerror', (error) => faults.push(error.message));
      await page.setContent('<main id="contract"></main>');
      const component = dirname(readers.resolve('@asyncapi/react-component/package.json'));
      await page.addScriptTag({ path: join(component, 'browser/standalone/index.js') });
      const options = JSON.stringify({ schema: contracts[which].text, config: { show: { errors: true } } });
      await page.evaluate(`AsyncApiStandalone.render(${options}, document.querySelector('#contract'))`);
      await page.getByText('list_subscriptions', { exact: false }).first().waitFor({ timeout: 100_000 });
      const shown = await page.locator('#contract').innerText();
      const { contract } = await openContract(contracts[which].file);
      const names = [...contract.commands, ...contract.http].map(({ name }) => name);
      expect(names.filter((name) => !shown.includes(name))).toEqual([]);
      expect(shown).not.toMatch(/^Errors?\b/m);
      expect(faults).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

test('a fault in the contract is found by Spectral and by Redocly', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'readers-')), 'faulty.yaml');
  writeFileSync(file, contracts.stock.text.replace('action: receive', 'action: recieve'));
  const spectral = await run('spectral', ['lint', file, '--ruleset', 'spectral.yaml', '--format', 'json', '--quiet']);
  expect(spectral).toContain('asyncapi-3-document-resolved');
  const { totals } = JSON.parse(await run('redocly', ['lint', file, '--format', 'json'])) as {
    readonly totals: object;
  };
  expect(totals).not.toMatchObject({ errors: 0 });
});
