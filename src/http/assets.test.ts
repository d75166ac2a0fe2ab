import { chromium } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { CHROMIUM, locate } from '../../scripts/tools.ts';
import { createGateway } from '../gateway.ts';

describe('/docs', () => {
  test('is styled under a policy that allows its own style by hash and nothing else', async () => {
    const executablePath = locate(CHROMIUM);
    if (executablePath === undefined) throw new Error('Chromium is missing: node scripts/ensure-tools.ts');
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    const gateway = createGateway();
    try {
      const { httpUrl } = await gateway.listen({ port: 0 });
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
      const refused: string[] = [];
      page.on('console', (message) => message.type() === 'error' && refused.push(message.text()));
      const response = await page.goto(`${httpUrl}/docs#limits`);
      const policy = response?.headers()['content-security-policy'];
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'sha256-[A-Za-z0-9+/]{43}='; /);
      expect(policy).not.toContain('unsafe');
      // Without its style, the table of contents would be above the text instead of beside it.
      const [contents, text] = [
        await page.locator('#contents').boundingBox(),
        await page.locator('main').boundingBox(),
      ];
      expect(text?.x).toBe(contents?.width);
      expect(refused).toEqual([]);
    } finally {
      await browser.close();
      await gateway.close({ drainMs: 0 });
    }
  }, 30_000);
});
