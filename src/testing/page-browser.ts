/** Chromium for tests of pages. Records errors of the scripts of a page, blocked requests, and requests to other origins. */
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { CHROMIUM, locate } from '../../scripts/tools.ts';

/**
 * Timeout in milliseconds. It is long, because a browser on a busy machine is slow, and because a clone renders the site at the first
 * request.
 */
const PATIENCE_MS = 100_000;

export class PageBrowser {
  readonly #browser: Browser;
  /** Faults of all pages since the last call of `throwFaults`. */
  readonly #faults: string[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<PageBrowser> {
    const executablePath = locate(CHROMIUM);
    if (executablePath === undefined) throw new Error('Chromium is missing: run node scripts/ensure-tools.ts');
    const args = ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP events.example 127.0.0.1'];
    return new PageBrowser(await chromium.launch({ executablePath, args }));
  }

  /** Opens a page. Any request of the page to another origin than that of `url` is a fault. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.#browser.newPage({
      viewport: { width: 1400, height: 900 },
      ignoreHTTPSErrors: true,
      ...options,
    });
    const { host } = new URL(url);
    page.on('console', (message) => message.type() === 'error' && this.#faults.push(message.text()));
    page.on('pageerror', (error) => this.#faults.push(error.message));
    page.on('request', (request) => {
      const { protocol, host: other } = new URL(request.url());
      if (protocol !== 'data:' && other !== host) this.#faults.push(`foreign ${request.url()}`);
    });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(url);
    return page;
  }

  /** Checks for faults. @throws {Error} with the faults of all pages since the last call, unless all of them are expected */
  throwFaults(expected?: RegExp): void {
    const found = this.#faults.splice(0).filter((fault) => expected?.test(fault) !== true);
    if (found.length > 0) throw new Error(`A page had faults: ${found.join('; ')}`);
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}
