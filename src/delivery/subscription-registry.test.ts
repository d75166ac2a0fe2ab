import { expect, test } from 'vitest';
import { ANONYMOUS } from '../auth/principal.ts';
import { MemoryBroker } from '../broker/memory.ts';
import { Fanout } from './fan-out.ts';
import { resolveLimits } from '../options.ts';
import { SubscriptionRegistry } from './subscription-registry.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import { eventTable } from '../catalogue/event-table.ts';
import { Session } from '../session/session.ts';
import { Subscription } from '../session/subscription.ts';

test('a stream has a place from the moment of its subscription, though nothing of it was written yet (CON-3)', async () => {
  const limits = resolveLimits();
  const broker = new MemoryBroker({ limits, events: eventTable() });
  const fanout = new Fanout({
    catalogue: stockCatalogue,
    now: Date.now,
    headOf: (stream) => broker.snapshot(stream).head,
  });
  const registry = new SubscriptionRegistry({ broker, fanout });
  const session = new Session({
    connectionId: 'c',
    principal: ANONYMOUS,
    authenticated: 'yes',
    remoteAddress: '127.0.0.1',
    limits,
    now: Date.now,
  });
  const nothing = (): void => undefined;
  await broker.start({
    nodeId: 'n',
    onEvent: nothing,
    onLoss: nothing,
    onSourceLoss: nothing,
    onHealth: nothing,
    onQuestion: () => '',
  });
  const source = { name: 'test', principal: 'gateway' };
  const { epoch, sequenceId } = await broker.publish({ stream: 'main', event: 'note', payload: {}, source });
  await broker.attach('main');

  registry.open(
    new Subscription({
      id: 's',
      session,
      stream: 'main',
      events: ['*'],
      filter: {},
      matches: () => true,
      replayMode: 'none',
      livePrefix: '',
      createdAt: Date.now(),
    }),
  );

  expect(session.written.get('main')).toEqual({ stream: 'main', epoch, sequenceId });
});
