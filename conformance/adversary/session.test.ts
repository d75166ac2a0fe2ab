import { expect, test } from 'vitest';
import { hostileContextOf } from '../hostile/run.ts';
import { exampleOf } from '../invariants/contract.ts';
import { sendJson, serveFailing } from '../testing/failing-server.ts';
import type { Behaviour } from '../testing/failing-server.ts';
import { AttackSession } from './session.ts';
import type { Replies } from './session.ts';

/** Sends two commands and one request at once. Returns the replies. */
async function repliesOf(behaviour: Behaviour, patienceMs: number): Promise<Replies> {
  const server = await serveFailing({ onOpen: (socket) => sendJson(socket, exampleOf('welcome')), ...behaviour });
  const target = { host: '127.0.0.1', port: Number(new URL(server.url).port), secure: false, path: '/ws' };
  const session = await AttackSession.open(hostileContextOf({ target, credential: [], patienceMs }));
  try {
    const ping = { type: 'ping', data: {} };
    await session.strike({ held: [], before: [], packet: [ping, ping], requests: [{ method: 'GET', path: '/' }] });
    return session.replies;
  } finally {
    session.close();
    await server.stop();
  }
}

test('commands and requests that the server leaves unanswered are timeouts', async () => {
  expect(await repliesOf({ onRequest: () => undefined }, 2000)).toEqual({ timeout: 3 });
});

test('commands and requests whose connection the server ends are not timeouts', async () => {
  const ended = await repliesOf(
    { onMessage: (_message, socket) => socket.cut(), onRequest: ({ socket }) => socket.destroy() },
    60_000,
  );
  expect(ended).toEqual({ 'no reply': 2, 'no response': 1 });
});
