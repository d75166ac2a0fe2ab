/** Runs random actions of clients on a gateway, over real sockets. Records only what the clients themselves know. */
import * as fc from 'fast-check';
import { vi } from 'vitest';
import { RawClient } from './raw-client.ts';
import { PATIENCE, connect, serve } from './rig.ts';
import type { Served } from './rig.ts';

const STREAMS = ['main', 'workspace:a'] as const;
type Stream = (typeof STREAMS)[number];

/** One action of a client. `at` selects one of the connected clients. */
export type Work =
  | { readonly do: 'connect' | 'publish_twice' | 'lose_files' | 'refuse_origin' | 'refuse_subprotocol' }
  | {
      readonly do: 'leave' | 'bad_json' | 'unknown_type' | 'unknown_field' | 'binary' | 'unsubscribe';
      readonly at: number;
    }
  | { readonly do: 'publish'; readonly stream: Stream; readonly event: string }
  | { readonly do: 'subscribe'; readonly at: number; readonly stream: Stream; readonly mode: Mode };
type Mode = 'none' | 'warm' | 'resume' | 'resume_ahead' | 'resume_other_epoch';

const MODES: readonly Mode[] = ['none', 'warm', 'resume', 'resume_ahead', 'resume_other_epoch'];
const EVENTS = ['tick', 'file_change', 'entity_created'] as const;
const PAYLOADS: Readonly<Record<string, Record<string, unknown>>> = {
  tick: { n: 1 },
  file_change: { path: 'src/a.ts', root: 'shop', changeType: 'modify', fileType: 'file' },
  entity_created: { id: 'f', entityType: 'function', name: 'f' },
};

const at = fc.nat(7);
const stream = fc.constantFrom(...STREAMS);
export const anyWork: fc.Arbitrary<Work> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ do: 'connect' } as const) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('publish' as const), stream, event: fc.constantFrom(...EVENTS) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('subscribe' as const), at, stream, mode: fc.constantFrom(...MODES) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('leave', 'bad_json', 'unknown_type', 'unknown_field', 'binary', 'unsubscribe'),
      at,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom('publish_twice', 'lose_files', 'refuse_origin', 'refuse_subprotocol').map((each) => ({
      do: each,
    })),
  },
);
/** A list that contains each action at least once, so that no count of the gateway stays 0. */
export const EVERYTHING: readonly Work[] = [
  { do: 'connect' },
  { do: 'connect' },
  ...STREAMS.map((each): Work => ({ do: 'publish', stream: each, event: 'entity_created' })),
  ...MODES.map((mode, n): Work => ({ do: 'subscribe', at: n % 2, stream: 'main', mode })),
  { do: 'subscribe', at: 1, stream: 'workspace:a', mode: 'warm' },
  ...EVENTS.map((event): Work => ({ do: 'publish', stream: 'main', event })),
  { do: 'lose_files' },
  { do: 'publish_twice' },
  { do: 'refuse_origin' },
  { do: 'refuse_subprotocol' },
  { do: 'bad_json', at: 0 },
  { do: 'unknown_type', at: 0 },
  { do: 'unknown_field', at: 1 },
  { do: 'unsubscribe', at: 0 },
  { do: 'connect' },
  { do: 'binary', at: 2 },
  { do: 'connect' },
  { do: 'leave', at: 2 },
];

/** A client that was connected. `open` is `no` after its connection has ended. */
export interface Member {
  readonly client: RawClient;
  connectionId: string;
  open: 'yes' | 'no';
}

/** Performs actions, and records what the clients know. */
export class Run {
  readonly served: Served;
  readonly members: Member[] = [];
  readonly closedWith: number[] = [];
  readonly refusedWith: number[] = [];
  /** Number of published events per stream. */
  readonly published = new Map<string, number>();
  /** The name of each published event. */
  readonly publishedEvents: string[] = [];
  #keys = 0;

  constructor(served: Served) {
    this.served = served;
  }

  async all(work: readonly Work[]): Promise<void> {
    for (const each of work) await this.#one(each);
  }

  async #one(work: Work): Promise<void> {
    const { gateway, url } = this.served;
    switch (work.do) {
      case 'connect':
        return this.connect();
      case 'publish':
        return this.#publish(work.stream, work.event);
      case 'publish_twice': {
        this.#keys += 1;
        const options = { stream: 'main', idempotencyKey: `k${this.#keys}` };
        await gateway.publish('tick', { n: 1 }, options);
        await gateway.publish('tick', { n: 1 }, options);
        this.#notePublished('main', 'tick');
        return;
      }
      case 'lose_files':
        return gateway.announceLoss({ stream: 'main', paths: ['src'] });
      case 'refuse_origin':
        this.refusedWith.push((await RawClient.refused(url, { headers: { origin: 'https://other.example' } })).status);
        return;
      case 'refuse_subprotocol':
        this.refusedWith.push((await RawClient.refused(url, { protocols: ['other'] })).status);
        return;
      default:
        return this.#atMember(work);
    }
  }

  async connect(): Promise<void> {
    const client = await connect(this.served.url);
    const { data } = await client.find(({ type }) => type === 'welcome');
    this.members.push({ client, connectionId: String(data['connectionId']), open: 'yes' });
  }

  async #publish(to: Stream, event: string): Promise<void> {
    await this.served.gateway.publish(event, PAYLOADS[event] ?? {}, { stream: to });
    this.#notePublished(to, event);
  }

  #notePublished(to: Stream, event: string): void {
    this.published.set(to, (this.published.get(to) ?? 0) + 1);
    this.publishedEvents.push(event);
  }

  get open(): readonly Member[] {
    return this.members.filter((each) => each.open === 'yes');
  }

  async #atMember(work: Extract<Work, { readonly at: number }>): Promise<void> {
    const member = this.open[work.at % Math.max(1, this.open.length)];
    if (member === undefined) return;
    const { client } = member;
    const errors = client.frames.filter(({ type }) => type === 'error').length;
    switch (work.do) {
      case 'leave':
        return this.#end(member, () => client.ws.close(1000), 1000);
      case 'binary':
        return this.#end(member, () => client.ws.send(Buffer.from('x'), { binary: true }), 1003);
      case 'bad_json':
        client.sendText('{');
        break;
      case 'unknown_type':
        client.sendText('{"type":"dance","data":{}}');
        break;
      case 'unknown_field':
        client.sendText('{"type":"ping","data":{},"more":1}');
        break;
      case 'unsubscribe':
        await client.call('unsubscribe', { all: true });
        return;
      case 'subscribe':
        return this.#subscribe(client, work);
    }
    await client.until(() => client.frames.filter(({ type }) => type === 'error').length > errors);
  }

  async #subscribe(client: RawClient, { stream: to, mode }: Extract<Work, { do: 'subscribe' }>): Promise<void> {
    const synced = await client.call('sync', { stream: to });
    const { epoch, sequenceId } = synced.data['position'] as { epoch: string; sequenceId: number };
    const after: Partial<Record<Mode, object>> = {
      resume: { epoch, sequenceId: Math.max(0, sequenceId - 2) },
      resume_ahead: { epoch, sequenceId: sequenceId + 10 },
      resume_other_epoch: { epoch: 'another', sequenceId: 3 },
    };
    const replay = after[mode] === undefined ? { mode } : { mode: 'resume', after: after[mode] };
    const { type, data } = await client.call('subscribe', { stream: to, events: ['*'], replay });
    if (type === 'subscribed' && mode !== 'none')
      await client.find(
        (each) => each.type === 'replay_complete' && each.data['subscriptionId'] === data['subscriptionId'],
      );
  }

  /**
   * Waits until the client has received all events, and then ends its connection. Otherwise, the gateway would count an event in flight as
   * delivered, although the test cannot know whether it arrived.
   */
  async #end(member: Member, end: () => void, code: number): Promise<void> {
    await syncAll(member);
    end();
    await member.client.closed;
    member.open = 'no';
    this.closedWith.push(code);
    await this.#allGone();
  }

  /** Waits until all clients have received everything that was published so far. */
  async settle(): Promise<void> {
    for (const member of this.open) await syncAll(member);
    await this.#allGone();
  }

  /** Waits until the gateway has noticed the end of all ended connections. The gateway may notice it later than the client. */
  async #allGone(): Promise<void> {
    const { gateway } = this.served;
    await vi.waitUntil(() => gateway.health().connections === this.open.length, PATIENCE);
  }
}

async function syncAll({ client }: Member): Promise<void> {
  for (const each of STREAMS) await client.call('sync', { stream: each });
}

/** Starts a gateway, and performs these actions on it. */
export async function runOf(work: readonly Work[]): Promise<Run> {
  const run = new Run(await serve());
  await run.all(work);
  await run.settle();
  return run;
}
