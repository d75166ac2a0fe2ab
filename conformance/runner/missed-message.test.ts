import { afterEach, describe, expect, test } from 'vitest';
import { exampleOf } from '../invariants/contract.ts';
import { sendJson, serveFailing } from '../testing/failing-server.ts';
import type { Socket } from '../target/socket.ts';
import type { Behaviour } from '../testing/failing-server.ts';
import { judgeSteps } from '../testing/single-tape.ts';
import { textAt } from '../trace/json.ts';
import type { CheckResult } from './verdict.ts';

/** A time scale so large that a test would time out if a step waited for its time limit. */
const ENDLESS = 1000;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

interface Reply {
  readonly type: string;
  readonly data: object;
}

/**
 * Answers the commands of each connection in turn with these replies, under the id of the command. On a busy machine a
 * failed tape runs again, on a new connection.
 */
function answering(...replies: readonly Reply[]): Behaviour {
  const due = new WeakMap<Socket, Reply[]>();
  return {
    onOpen: (socket) => {
      due.set(socket, [...replies]);
      sendJson(socket, exampleOf('welcome'));
    },
    onMessage: (message, socket) => {
      const id = textAt(message, 'id') ?? '';
      const reply = due.get(socket)?.shift();
      if (reply !== undefined) sendJson(socket, { type: reply.type, id, data: { ...reply.data } });
    },
  };
}

const UNKNOWN = { type: 'error', data: { code: 'unknown_type', message: 'No such command.', retryable: false } };
const PONG = { type: 'pong', data: { time: '2026-03-02T09:15:00.000Z' } };

async function judge(behaviour: Behaviour, ...steps: readonly string[]): Promise<CheckResult | undefined> {
  const server = await serveFailing(behaviour);
  stops.push(() => server.stop());
  return judgeSteps(server.url, { steps, timeScale: ENDLESS });
}

describe('a tape that waits for a reply', () => {
  test('fails as soon as the command has a wrong reply, because no other will follow', async () => {
    const check = await judge(
      answering(UNKNOWN),
      '{"as":"alice","send":{"type":"sync","id":"c1","data":{"stream":"main"}}}',
      '{"as":"alice","recv":{"type":"synced","id":"c1"}}',
    );
    expect(check).toMatchObject({
      verdict: 'FAIL',
      cause: { text: '`sync` is answered by `error` unknown_type' },
      failures: [{ text: 'alice received a wrong reply to its command' }],
    });
  });

  test('fails as soon as the fence has a wrong reply', async () => {
    const check = await judge(
      answering(UNKNOWN),
      '{"as":"alice","send":{"type":"sync","id":"c1","data":{"stream":"main"}}}',
      '{"as":"alice","never":{"type":"gap"},"until":{"type":"synced","id":"c1"}}',
    );
    expect(check).toMatchObject({
      verdict: 'FAIL',
      failures: [{ text: 'alice received a wrong reply to its command' }],
    });
  });

  test('waits for the other reply if two commands have the same id', async () => {
    const check = await judge(
      answering(UNKNOWN, PONG),
      '{"as":"alice","send":{"type":"sync","id":"c1","data":{"stream":"main"}}}',
      '{"as":"alice","send":{"type":"ping","id":"c1","data":{}}}',
      '{"as":"alice","recv":{"type":"pong","id":"c1"}}',
    );
    expect(check).toMatchObject({ verdict: 'PASS' });
  });
});

test('a response that is never the expected one is late, so that a busy machine can be the cause', async () => {
  const check = await judge(
    answering(),
    '{"http":{"method":"GET","path":"/ws/health"},"expect":{"status":429},"within":1}',
  );
  expect(check).toMatchObject({ verdict: 'FAIL', failures: [{ late: true }] });
});
