import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { fakeServer, modelServer } from './testing/harness.ts';

const run = promisify(execFile);

/** Runs a module with `SampleClient` and `url` in scope; fails after a minute. */
async function program(url: string, body: string): Promise<{ stdout: string; ms: number }> {
  const sampleClient = new URL('testing/sample-client.ts', import.meta.url).href;
  const source = `import { SampleClient } from ${JSON.stringify(sampleClient)}; const url = ${JSON.stringify(url)}; ${body}`;
  const from = performance.now();
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source], { timeout: 60_000 });
  return { stdout, ms: performance.now() - from };
}

describe('a Node process', () => {
  test('is not kept alive by a client that was never used, or that was closed', async () => {
    const { server } = await modelServer();
    await program(server.url, 'new SampleClient({ url });');
    const { stdout } = await program(
      server.url,
      `const client = new SampleClient({ url }); await client.ping(); await client.close(); console.log('closed');`,
    );
    expect(stdout).toBe('closed\n');
  });

  test('is not kept alive by a reconnect for which nothing waits', async () => {
    const { server } = await modelServer();
    server.onConnection = (connection) => setTimeout(() => connection.drop(), 100);
    const { stdout, ms } = await program(
      server.url,
      `const client = new SampleClient({ url, backoff: { minMs: 20_000 }, random: () => 1 });
       client.on('reconnecting', ({ delayMs }) => console.log(delayMs));
       await client.connect();`,
    );
    expect(stdout).toBe('20000\n');
    expect(ms).toBeLessThan(8_000);
  });

  test('is kept alive while a reader waits for a connection', async () => {
    const gone = await fakeServer();
    await gone.close();
    const { stdout } = await program(
      gone.url,
      `const client = new SampleClient({ url, maxAttempts: 3, backoff: { minMs: 100 }, random: () => 1 });
       try { for await (const event of client.subscribe({ events: ['*'] })) console.log(event); }
       catch (error) { console.log(error.reason); }`,
    );
    expect(stdout).toBe('unreachable\n');
  });
});
