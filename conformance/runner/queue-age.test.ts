import { describe, expect, test } from 'vitest';
import { exampleOf } from '../invariants/contract.ts';
import { sendJson, serveFailing } from '../testing/failing-server.ts';
import { judgeSteps } from '../testing/single-tape.ts';
import { isObject, member } from '../trace/json.ts';
import type { JsonObject } from '../trace/json.ts';
import { TRACE_VERSION, Trace } from '../trace/trace.ts';
import { queueDoubt } from './queue-age.ts';

const LIMIT_MS = 10_000;

/** A trace in which a client stops reading, sends a command, and is closed with a code some time later. */
function traceOf({ closedAfterMs, code = 4201 }: { readonly closedAfterMs: number; readonly code?: number }): Trace {
  const trace = new Trace(
    { trace: TRACE_VERSION, startedAt: '2026-03-02T09:15:00.000Z', target: 'ws://x/ws' },
    () => 0,
  );
  const own = { actor: 'alice', connection: 1, check: 'sync/queued' } as const;
  const at = 5000;
  trace.add({ ...own, at, dir: '<<', kind: 'open', text: '{}' });
  trace.add({ ...own, at, dir: '>>', kind: 'mark', text: 'reading off' });
  trace.add({ ...own, at, dir: '>>', kind: 'text', text: '{"type":"sync","id":"c1","data":{"stream":"main"}}' });
  const end = at + closedAfterMs;
  const closing = JSON.stringify({ type: 'closing', data: { code, name: 'x', retryable: true } });
  trace.add({ ...own, at: end, dir: '<<', kind: 'text', text: closing });
  trace.add({ ...own, at: end + 50, dir: '<<', kind: 'close', text: JSON.stringify({ code, reason: 'x' }) });
  return trace;
}

function doubt(trace: Trace, check = 'sync/queued'): ReturnType<typeof queueDoubt> {
  return queueDoubt({ check, from: 0, limitMs: LIMIT_MS }, trace);
}

describe('a failure after a close with 4201', () => {
  test('proves nothing if messages may have waited longer than the server allows', () => {
    expect(doubt(traceOf({ closedAfterMs: 17_000 }))).toMatchObject({ ifRepeated: 'proves nothing' });
    expect(doubt(traceOf({ closedAfterMs: 17_000 }))?.reason).toContain('waited for up to 17000 ms');
  });

  test('counts if the close came too early for that, had another code, or belongs to another check', () => {
    expect(doubt(traceOf({ closedAfterMs: 9900 }))).toBeUndefined();
    expect(doubt(traceOf({ closedAfterMs: 17_000, code: 4203 }))).toBeUndefined();
    expect(doubt(traceOf({ closedAfterMs: 17_000 }), 'sync/barrier')).toBeUndefined();
  });
});

/** A `welcome` of a server that keeps a message in a send queue for a fifth of a second at most. */
function impatientWelcome(): JsonObject {
  const data = member(exampleOf('welcome'), 'data');
  const limits = member(data, 'limits');
  if (!isObject(data) || !isObject(limits)) throw new Error('the contract has no example of a welcome');
  return { type: 'welcome', data: { ...data, limits: { ...limits, sendQueueAgeMs: 200 } } };
}

test('a server that closes a connection because a queue became too old is not blamed', async () => {
  const server = await serveFailing({
    onOpen: (socket) => sendJson(socket, impatientWelcome()),
    onMessage: (_message, socket) => {
      setTimeout(() => {
        sendJson(socket, { type: 'closing', data: { code: 4201, name: 'slow_consumer', retryable: true } });
        socket.close(4201);
      }, 300);
    },
  });
  const steps = [
    '{"as":"alice","send":{"type":"sync","id":"c1","data":{"stream":"main"}}}',
    '{"as":"alice","recv":{"type":"synced","id":"c1"}}',
  ];
  const check = await judgeSteps(server.url, { steps, timeScale: 1 });
  await server.stop();
  expect(check).toMatchObject({ verdict: 'INCONCLUSIVE' });
  expect(check?.reason).toMatch(
    /before the server closed the connection with 4201, and its limit sendQueueAgeMs allows 200 ms$/,
  );
});
