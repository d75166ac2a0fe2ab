/** Tests `tidemark-mcp` as a separate process, as a host starts it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { serve } from '../../src/testing/rig.ts';
import { MAIN } from '../testing/mcp-process.ts';

test('stdout contains only the protocol, and the process ends when stdin ends, even while a call waits', async () => {
  const { url } = await serve();
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const wait = { name: 'wait_for_event', arguments: { event: '*', timeoutSeconds: 600 } };
  const env = { ...process.env, TIDEMARK_URL: url };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const output = text(child.stdout);
  const exited = once(child, 'exit');
  for (const message of [
    { jsonrpc: '2.0', id: 1, method: 'initialize', params: hello },
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 2, method: 'tools/call', params: wait },
    { jsonrpc: '2.0', id: 3, method: 'tools/list' },
  ])
    child.stdin.write(`${JSON.stringify(message)}\n`);
  child.stdout.on('data', (chunk: Buffer) => {
    if (chunk.toString().includes('"id":3')) child.stdin.end();
  });
  expect((await exited)[0]).toBe(0);
  for (const line of (await output).trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' });
});

test.each(
  [
    ['--url', 'ftp://ana:s3cret@h/ws'],
    ['--url', 'ws://ana:s3cret/ws'],
    ['--contract', 'https://ana:s3cret@h/events.yaml'],
    ['--http', 'http://ana:s3cret@h:7410'],
    ['--http', 'http://ana:a s3cret@h:1'],
    ['--token=s3cret'],
    ["--access_token=a's3cret"],
  ].map((argv) => [argv]),
)('a credential in a wrong argument is not repeated: %j', async (argv) => {
  const child = spawn(process.execPath, [MAIN, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  expect(code).toBe(2);
  expect(errors).not.toBe('');
  expect(output + errors).not.toContain('s3cret');
});
