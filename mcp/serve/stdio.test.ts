/** Tests `tidemark-mcp` as a separate process, as a host starts it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { serve } from '../../src/testing/rig.ts';
import { callTool } from '../testing/linked-client.ts';
import { MAIN, stdioServer } from '../testing/mcp-process.ts';

test('the process serves the official client, with the address from the environment', async () => {
  const { gateway, url } = await serve();
  const { client, log } = await stdioServer([], { env: { TIDEMARK_URL: url } });
  await gateway.publish('build.finished', { ok: true });
  const { content } = await callTool(client, 'recent_changes');
  expect(content).toMatchObject({ events: [{ event: 'build.finished' }] });
  expect(log()).toBe('');
});

test('stdout contains only the protocol, and the process ends when stdin ends, even while a call waits', async () => {
  const { url } = await serve();
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const wait = { name: 'wait_for_event', arguments: { event: '*', timeoutSeconds: 600 } };
  const child = spawn(process.execPath, [MAIN, '--url', url], { stdio: ['pipe', 'pipe', 'inherit'] });
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

test('an option without a meaning over stdio is reported on stderr with exit code 2', async () => {
  const child = spawn(process.execPath, [MAIN, '--callers', 'callers.json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect({ code: child.exitCode ?? (await once(child, 'exit'))[0], out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(/^tidemark-mcp: --callers needs --http/);
});
