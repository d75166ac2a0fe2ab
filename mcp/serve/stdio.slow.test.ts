/** `tidemark-mcp` as a process, with the official client, and with wrong options. */
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

test('an option that has no effect over stdio is reported on stderr with exit code 2', async () => {
  const child = spawn(process.execPath, [MAIN, '--callers', 'callers.json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect({ code: child.exitCode ?? (await once(child, 'exit'))[0], out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(/^tidemark-mcp: --callers needs --http/);
});
