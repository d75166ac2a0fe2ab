import { describe, expect, test, vi } from 'vitest';
import type { Handlers, Outcome } from '../../generated/handlers.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import type { ServerMessage } from '../../generated/types.ts';
import { Audit } from '../auth/audit.ts';
import { ANONYMOUS, NOBODY } from '../auth/principal.ts';
import type { Principal } from '../auth/principal.ts';
import { parseScope } from '../auth/scope.ts';
import { resolveLimits } from '../options.ts';
import { Router } from './router.ts';
import { Session } from './session.ts';
import type { Outlet } from './session.ts';

interface Context {
  readonly session: Session;
}

interface Rig {
  readonly router: Router<Context>;
  readonly session: Session;
  readonly sent: ServerMessage[];
  readonly faults: unknown[];
  readonly closes: string[];
  readonly ping: (text?: string) => void | Promise<void>;
}

const PING = '{"type":"ping","id":"p","data":{}}';
const PONG: Outcome<'ping'> = { data: { time: '2026-01-01T00:00:00.000Z' } };

/** A router with a `ping` and a `sync` of the test. Other commands are not used. */
function rig(ping: Handlers<Context>['ping'], principal: Principal = ANONYMOUS): Rig {
  const [sent, faults, closes]: [ServerMessage[], unknown[], string[]] = [[], [], []];
  const limits = resolveLimits();
  const session = new Session({
    connectionId: 'c',
    principal,
    authenticated: 'yes',
    remoteAddress: '127.0.0.1',
    limits,
    now: Date.now,
  });
  const outlet: Partial<Outlet> = {
    send: (message) => void sent.push(message),
    sendInOrder: (messages) => void sent.push(...messages),
    close: (name) => void closes.push(name),
  };
  session.bind(outlet as Outlet);
  const unused = (): never => {
    throw new Error('not used here');
  };
  const router = new Router<Context>({
    handlers: {
      ping,
      sync: ({ stream }) => ({ data: { stream, position: { epoch: 'e', sequenceId: 1 } } }),
      subscribe: unused,
      unsubscribe: unused,
      list_subscriptions: unused,
      broadcast: unused,
      authenticate: unused,
    },
    catalogue: stockCatalogue,
    limits,
    audit: new Audit(),
    onFault: (error) => faults.push(error),
    onUnauthenticated: () => undefined,
    onAnswered: () => undefined,
    onError: () => undefined,
  });
  return { router, session, sent, faults, closes, ping: (text = PING) => router.receive(text, { session }) };
}

const codes = ({ sent }: Rig): unknown[] => sent.map((each) => (each.type === 'error' ? each.data.code : each.type));

describe('a command whose handler fails', () => {
  test.each(['at once', 'later'])('%s gets one error, and the fault is logged', async (when) => {
    const fault = new Error('broken');
    const given = rig(() => {
      if (when === 'at once') throw fault;
      return Promise.reject(fault);
    });
    await given.ping();
    expect(codes(given)).toEqual(['internal']);
    expect(given.faults).toEqual([fault]);
  });

  test.each(['at once', 'later'])(
    'gets one error if the data of its reply cannot be computed (%s), and the resources of the handler are released',
    async (when) => {
      const abandon = vi.fn<() => void>();
      const outcome: Outcome<'ping'> = {
        data: () => {
          throw new Error('broken');
        },
        abandon,
      };
      const given = rig(() => (when === 'at once' ? outcome : Promise.resolve(outcome)));
      await given.ping();
      expect(codes(given)).toEqual(['internal']);
      expect(abandon).toHaveBeenCalledTimes(1);
    },
  );

  test('closes the connection if it fails after its reply was sent, because the reply cannot be withdrawn', async () => {
    const outcome: Outcome<'ping'> = {
      ...PONG,
      afterReply: () => {
        throw new Error('broken');
      },
    };
    const given = rig(() => Promise.resolve(outcome));
    await given.ping();
    expect(codes(given)).toEqual(['pong']);
    expect(given.closes).toEqual(['state_invalidated']);
    expect(given.faults).toHaveLength(1);
  });

  test('releases its resources and sends nothing if the connection was closed before', async () => {
    const abandon = vi.fn<() => void>(() => {
      throw new Error('broken as well');
    });
    const given = rig(() => Promise.resolve({ ...PONG, abandon }));
    const pending = given.ping();
    given.session.closed = true;
    await pending;
    expect(given.sent).toEqual([]);
    expect(abandon).toHaveBeenCalledTimes(1);
    expect(given.faults).toHaveLength(1);
  });
});

describe('a frame that cannot be decoded', () => {
  test('gets the same error as any other fault if the decoder throws', () => {
    const given = rig(() => PONG);
    const parse = vi.spyOn(JSON, 'parse').mockImplementation(() => {
      throw new RangeError('out of memory');
    });
    try {
      expect(() => given.ping()).not.toThrow();
    } finally {
      parse.mockRestore();
    }
    expect(given.sent).toMatchObject([{ type: 'error' }]);
  });
});

describe('a principal', () => {
  test.each([
    [['subscribe:tick@main'], 'synced'],
    [['subscribe:*'], 'synced'],
    [['subscribe:*@session:*'], 'forbidden'],
    [['publish:*', 'admin:read'], 'forbidden'],
    [[], 'forbidden'],
  ])('with the scopes %j gets %s for sync on main (SYN-1, SEC-1)', async (scopes, answer) => {
    const given = rig(() => PONG, { ...NOBODY, scopes: scopes.map(parseScope) });
    await given.ping('{"type":"sync","data":{"stream":"main"}}');
    expect(codes(given)).toEqual([answer]);
  });
});
