/** A fan-out with real outboxes, whose sockets record what is written to them. */
import { Writable } from 'node:stream';
import { ANONYMOUS } from '../../auth/principal.ts';
import type { EventRecord } from '../../broker/broker.ts';
import { recordFromDraft } from '../../broker/event-encoding.ts';
import { stockCatalogue } from '../../catalogue/catalogue.ts';
import type { Filter } from '../../catalogue/catalogue.ts';
import { Counters } from '../../introspection/counters.ts';
import { resolveLimits } from '../../options.ts';
import { Session } from '../../session/session.ts';
import type { Outlet } from '../../session/session.ts';
import { Subscription } from '../../session/subscription.ts';
import { eventPrefix } from '../../wire/codec.ts';
import { Fanout } from '../fan-out.ts';
import { FlushScheduler } from '../flush-scheduler.ts';
import { WEBSOCKET_FRAMING as framing } from '../../wire/websocket-framing.ts';
import { Outbox } from '../outbox.ts';
import { SendQueueBudget } from '../send-queue-budget.ts';
import { ownerOf } from './outbox-rig.ts';

const LIMITS = resolveLimits({});

/** A connection whose socket records what is written to it. Also counts how often the fan-out looked up the connection. */
export interface Peer {
  readonly session: Session;
  readonly writes: Buffer[];
  lookups: number;
}

/** A fan-out with real outboxes. */
export class Rig {
  readonly counters = new Counters();
  readonly peers: Peer[] = [];
  readonly fanout: Fanout;
  readonly #scheduler = new FlushScheduler(LIMITS);
  now = 1000;
  #sequenceId = 0;

  constructor() {
    const headOf = () => ({ epoch: 'e', sequenceId: this.#sequenceId });
    const { counters } = this;
    this.fanout = new Fanout({ counters, catalogue: stockCatalogue, now: () => this.now, headOf });
  }

  connect(): Peer {
    const writes: Buffer[] = [];
    const session = new Session({
      connectionId: `c${this.peers.length}`,
      principal: ANONYMOUS,
      authenticated: 'yes',
      remoteAddress: '127.0.0.1',
      limits: LIMITS,
      now: () => this.now,
    });
    const outbox = new Outbox({
      framing,
      socket: new Writable({ write: (chunk: Buffer, _encoding, done) => (writes.push(chunk), done()) }),
      limits: LIMITS,
      scheduler: this.#scheduler,
      queues: new SendQueueBudget(Infinity, () => undefined),
      now: () => this.now,
      owner: ownerOf(),
    });
    const peer = { session, writes, lookups: 0 };
    const outlet: Pick<Outlet, 'live' | 'framing' | 'sendInOrder'> = {
      framing,
      sendInOrder: (messages) => outbox.pushInOrder(Buffer.concat(messages.map((each) => framing.message(each)))),
      get live() {
        peer.lookups += 1;
        return outbox;
      },
    };
    session.bind(outlet as Outlet);
    this.peers.push(peer);
    return peer;
  }

  subscribe({ session }: Peer, id: string, events: readonly string[], filter: Filter = {}): Subscription {
    const subscription = new Subscription({
      id,
      session,
      stream: 'main',
      selectors: ['main'],
      events,
      filter,
      replayMode: 'none',
      livePrefix: eventPrefix([id]),
      bytes: 0,
      createdAt: this.now,
    });
    this.fanout.add(subscription);
    return subscription;
  }

  /** Follows many streams. */
  follow({ session }: Peer, id: string, selectors: readonly string[]): Subscription {
    const subscription = new Subscription({
      id,
      session,
      stream: undefined,
      selectors,
      events: ['*'],
      filter: {},
      replayMode: 'none',
      livePrefix: eventPrefix([id]),
      bytes: 0,
      createdAt: this.now,
    });
    this.fanout.add(subscription);
    return subscription;
  }

  publish(event: string, payload: EventRecord['payload'] = {}, stream = 'main'): void {
    this.#sequenceId += 1;
    const sequenceId = this.#sequenceId;
    this.fanout.deliver(
      recordFromDraft(
        { stream, epoch: 'e', sequenceId, eventId: `${sequenceId}`, event, emittedAtMs: this.now },
        { source: { name: 'a', principal: 'b' }, payload },
      ),
    );
  }

  /** Waits until all scheduled flushes have been run. */
  async flush(): Promise<void> {
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }
}

export interface Sent {
  readonly subscriptionIds: readonly string[];
  readonly sequenceId: number;
  readonly stream: string;
  readonly ended?: readonly string[];
}

/** Parses the messages in these writes. Each frame must be an unmasked text frame of less than 64 KiB. */
export function messagesIn(writes: readonly Buffer[]): Sent[] {
  const messages: Sent[] = [];
  const bytes = Buffer.concat(writes);
  for (let at = 0; at < bytes.length;) {
    const short = bytes[at + 1] ?? 0;
    const [start, length] = short < 126 ? [at + 2, short] : [at + 4, bytes.readUInt16BE(at + 2)];
    const { data } = JSON.parse(bytes.toString('utf8', start, start + length)) as { readonly data: Sent };
    messages.push(data);
    at = start + length;
  }
  return messages;
}
