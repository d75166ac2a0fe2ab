import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Audit } from '../auth/audit.ts';
import { openAuthenticator } from '../auth/authenticator.ts';
import { ANONYMOUS } from '../auth/principal.ts';
import { MemoryBroker } from '../broker/memory.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import { eventTable } from '../catalogue/event-table.ts';
import { ReplayBlocks } from '../delivery/replay-blocks.ts';
import { Fanout } from '../delivery/fan-out.ts';
import { FlushScheduler } from '../delivery/flush-scheduler.ts';
import { SendQueueBudget } from '../delivery/send-queue-budget.ts';
import { SubscriptionRegistry } from '../delivery/subscription-registry.ts';
import type { HandlerContext } from '../handlers/context.ts';
import { HANDLERS } from '../handlers/table.ts';
import { Counters } from '../introspection/counters.ts';
import { resolveLimits } from '../options.ts';
import { Publisher } from '../publishing/publisher.ts';
import { Router } from '../session/router.ts';
import { Session } from '../session/session.ts';
import { TurnBudget } from '../session/turn-budget.ts';
import { SimulatedWs } from '../testing/slow-readers/simulated-peer.ts';
import { Connection } from './connection.ts';
import { WebSocketLink } from './websocket-link.ts';

/** A connection that answers its pings only after `gate` has resolved. */
function connectionBehindGate() {
  const gate = Promise.withResolvers<void>();
  let written = '';
  const now = Date.now;
  const limits = resolveLimits({ commandBurst: 10_000 });
  const [events, counters, audit] = [eventTable(), new Counters(), new Audit()];
  const broker = new MemoryBroker({ limits, events });
  const headOf = (stream: string) => broker.snapshot(stream).head;
  const registry = new SubscriptionRegistry({
    broker,
    fanout: new Fanout({ counters, catalogue: stockCatalogue, now, headOf }),
    limits,
  });
  const publisher = new Publisher({ counters, broker, catalogue: stockCatalogue, limits, audit });
  const authenticator = openAuthenticator();
  const [catalogue, broadcast, onPrincipal] = [stockCatalogue, 'off' as const, () => undefined];
  const services = {
    broker,
    catalogue,
    registry,
    replayBlocks: new ReplayBlocks(),
    publisher,
    authenticator,
    audit,
    limits,
    events,
    broadcast,
  };
  const router = new Router<HandlerContext>({
    handlers: {
      ...HANDLERS,
      ping: async (data, context) => {
        await gate.promise;
        return HANDLERS.ping(data, context);
      },
    },
    catalogue,
    limits,
    audit,
    onFault: (error) => {
      throw error;
    },
    onUnauthenticated: () => undefined,
    onAnswered: () => undefined,
    onError: () => undefined,
  });
  const ws = new SimulatedWs();
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      written += chunk.toString('latin1');
      done();
    },
  });
  const answered = () => Array.from(written.matchAll(/"id":"(\d+)"/g), ([, id]) => id);
  const [authenticated, remoteAddress] = ['yes' as const, '127.0.0.1'];
  new Connection({
    link: new WebSocketLink(ws.asWebSocket(), socket),
    session: new Session({ connectionId: 'c', principal: ANONYMOUS, authenticated, remoteAddress, limits, now }),
    settings: {
      services: { ...services, counters, turn: new TurnBudget(1000), now, onPrincipal },
      router,
      scheduler: new FlushScheduler(limits),
      queues: new SendQueueBudget(Infinity, () => undefined),
      limits,
      now,
      random: () => 0.5,
      onFault: () => undefined,
      onClosing: () => undefined,
      onClose: () => undefined,
    },
  });
  return { ws, gate, answered, limits };
}

const ping = (id: number, padding = 0): string => `{"type":"ping","id":"${id}","data":{}}${' '.repeat(padding)}`;

describe('commands that wait for an earlier command', () => {
  test('pause reading when 64 of them wait; all receive a reply, in order', async () => {
    const { ws, gate, answered } = connectionBehindGate();
    for (let id = 0; id < 64; id += 1) ws.send(ping(id));
    expect(ws.isPaused).toBe(false);
    ws.send(ping(64));
    expect(ws.isPaused).toBe(true);
    gate.resolve();
    await expect.poll(answered).toEqual(Array.from({ length: 65 }, (_, id) => String(id)));
    expect(ws.isPaused).toBe(false);
  });

  test('pause reading when they are as long as the largest message', async () => {
    const { ws, gate, answered, limits } = connectionBehindGate();
    ws.send(ping(0));
    ws.send(ping(1, limits.inboundMessageBytes / 2));
    expect(ws.isPaused).toBe(false);
    ws.send(ping(2, limits.inboundMessageBytes / 2));
    expect(ws.isPaused).toBe(true);
    gate.resolve();
    await expect.poll(answered).toEqual(['0', '1', '2']);
    expect(ws.isPaused).toBe(false);
  });
});
