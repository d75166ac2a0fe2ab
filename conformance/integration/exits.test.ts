import { describe, expect, test } from 'vitest';
import { exampleOf } from '../invariants/contract.ts';
import { serve } from '../mutants/host.ts';
import { sendJson, serveFailing } from '../testing/failing-server.ts';
import type { FailingServer } from '../testing/failing-server.ts';
import { suite } from '../testing/processes.ts';
import { textAt } from '../trace/json.ts';

const WELCOME = exampleOf('welcome');

/** A server that never answers `subscribe`. */
function serveDeaf(): Promise<FailingServer> {
  return serveFailing({
    onOpen: (socket) => sendJson(socket, WELCOME),
    onMessage: (message, socket) => {
      if (textAt(message, 'type') === 'ping')
        sendJson(socket, { type: 'pong', id: textAt(message, 'id') ?? '', data: { time: '2026-01-01T00:00:00.000Z' } });
    },
  });
}

/** A command that ends only when its input ends. */
const STIMULUS = ['--stimulus', 'exec:cat >/dev/null'];

describe.concurrent('the suite exits', () => {
  test.each([['run', '--only', 'event/workspace-order', '--time-scale', '0.2'], ['doctor']])(
    'although the witness cannot subscribe, and the stimulus command still runs: %s',
    async (...words) => {
      const server = await serveDeaf();
      const { code, stdout } = await suite(...words, '--url', server.url, ...STIMULUS);
      await server.stop();
      expect(stdout).not.toBe('');
      expect(code).toBe(3);
    },
  );

  test('although the server stops before the witness connects, and the stimulus command still runs', async () => {
    const server = await serveFailing({
      onOpen: (socket) => sendJson(socket, WELCOME),
      // The suite requests this after it has read the welcome.
      onRequest: () => void server.stop(),
    });
    const options = ['--url', server.url, '--only', 'exchanges/*', '--time-scale', '0.2'];
    const { code, stdout } = await suite('run', ...options, ...STIMULUS);
    expect(stdout).toContain('exchanges/generated');
    expect(code).not.toBe(0);
  });

  test.each([
    ['hostile', []],
    ['hostile --search', ['--search', '1']],
  ])('although no second client can connect: %s', async (_command, options) => {
    let connections = 0;
    const server = await serveFailing({
      onOpen: (socket) => {
        connections += 1;
        if (connections === 1) sendJson(socket, WELCOME);
      },
    });
    const { code, stderr } = await suite('hostile', '--url', server.url, '--patience', '3600000', ...options);
    await server.stop();
    expect(stderr).toContain('The neighbour, a second client, cannot connect.');
    expect(code).toBe(5);
  });

  test('although the server of a mutant does not start', async () => {
    await expect(serve(['--mutant', 'no-such-mutant'], 'open')).rejects.toThrow('ended at its start');
  });
});
