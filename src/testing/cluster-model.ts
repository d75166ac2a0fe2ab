/**
 * Runs random actions of clients on several nodes with one Redis, and computes a model of what the reports for operators must contain
 * (OPS-2, OPS-9). The model is computed from what the clients sent and received. It has its own implementation of matching, which shares no
 * code with the gateway's.
 */
import { vi } from 'vitest';
import type { NodesReport, SubscriptionReport, SubscriptionsPage } from '../../generated/types.ts';
import { RawClient } from './raw-client.ts';
import { PATIENCE, onCleanup } from './rig.ts';
import type { Served } from './rig.ts';
import { Random } from './slow-readers/random.ts';

const STREAMS = ['main', 'workspace:a'] as const;
const ADDRESSES = ['127.0.0.2', '127.0.0.3', '127.0.0.4'] as const;
const EVENTS = [['file_change'], ['tick'], ['*'], ['file_change', 'tick']] as const;
const FILTERS = [{}, { paths: ['src'] }, { extensions: ['.ts'] }, { paths: ['docs'], extensions: ['.md'] }] as const;
const PATHS = ['src/a.ts', 'src/b.md', 'docs/c.md', 'lib/d.ts'] as const;
/** For each token, the scopes of the principal `user:TOKEN`. */
export const TOKENS: Readonly<Record<string, readonly string[]>> = {
  root: ['admin:read', 'admin:write'],
  ana: ['subscribe:*'],
  ben: ['subscribe:*'],
  files: ['subscribe:file_change'],
};

interface ModelSubscription {
  readonly id: string;
  readonly stream: string;
  readonly events: readonly string[];
  readonly filter: { readonly paths?: readonly string[]; readonly extensions?: readonly string[] };
  delivered: number;
}

interface ModelClient {
  readonly client: RawClient;
  readonly connectionId: string;
  readonly node: Served;
  readonly address: string;
  principal: string;
  readonly subscriptions: Map<string, ModelSubscription>;
  stalled: boolean;
}

/** An expected row in the list of subscriptions, without the members that clients cannot know. */
export type ModelRow = Pick<
  SubscriptionReport,
  | 'connectionId'
  | 'subscriptionId'
  | 'nodeId'
  | 'principal'
  | 'remoteAddress'
  | 'stream'
  | 'events'
  | 'filter'
  | 'delivered'
  | 'gaps'
>;

export class ClusterModel {
  readonly #nodes: readonly Served[];
  readonly #random: Random;
  readonly #clients = new Map<string, ModelClient>();
  readonly #published = new Map<string, number>();
  readonly #delivered = new Map<string, number>();
  readonly #heads = new Map<string, number>();
  #serial = 0;

  constructor(nodes: readonly Served[], seed: number) {
    this.#nodes = nodes;
    this.#random = new Random(seed);
  }

  /** Connects one client to each node and subscribes it to all streams, so that each node receives all events. */
  async begin(): Promise<void> {
    for (const node of this.#nodes) {
      const witness = await this.#connect(node);
      for (const stream of STREAMS) await this.#subscribe(witness, { stream, events: ['*'], filter: {} });
    }
  }

  /** Performs one random operation. */
  async step(): Promise<void> {
    const chance = this.#random.below(100);
    if (chance < 14) await this.#connect(this.#one(this.#nodes));
    else if (chance < 44) await this.#publish();
    else {
      const client = this.#someone();
      if (client === undefined) return;
      await this.#act(client, chance);
    }
  }

  async #act(client: ModelClient, chance: number): Promise<void> {
    if (chance < 70)
      return this.#subscribe(client, {
        stream: this.#one(STREAMS),
        events: this.#one(EVENTS),
        filter: this.#one(FILTERS),
      });
    if (chance < 80) return this.#unsubscribe(client);
    if (chance < 86) return this.#authenticate(client);
    if (chance < 88) {
      client.stalled = true;
      client.client.ws.pause();
      return;
    }
    if (chance < 94) return this.#leave(client, () => this.#disconnect(client));
    return this.#leave(client, () => client.client.close());
  }

  /** A random client that reads its messages and is not one of the witnesses. */
  #someone(): ModelClient | undefined {
    const others = [...this.#clients.values()].slice(this.#nodes.length).filter(({ stalled }) => !stalled);
    return others.length === 0 ? undefined : this.#one(others);
  }

  async #connect(node: Served): Promise<ModelClient> {
    const token = this.#one(['ana', 'ben']);
    const address = this.#one(ADDRESSES);
    const options = { headers: { authorization: `Bearer ${token}` }, localAddress: address };
    const client = await RawClient.open(node.url, options);
    onCleanup(() => client.close());
    const connectionId = String((await client.find(({ type }) => type === 'welcome')).data['connectionId']);
    const joined = {
      client,
      connectionId,
      node,
      address,
      principal: `user:${token}`,
      subscriptions: new Map(),
      stalled: false,
    };
    this.#clients.set(connectionId, joined);
    return joined;
  }

  async #subscribe(
    client: ModelClient,
    wanted: Pick<ModelSubscription, 'stream' | 'events' | 'filter'>,
  ): Promise<void> {
    const id = `m${(this.#serial += 1)}`;
    const filter =
      Object.keys(wanted.filter).length === 0 || !wanted.events.includes('file_change') ? {} : wanted.filter;
    const reply = await client.client.call('subscribe', {
      ...wanted,
      filter,
      subscriptionId: id,
      replay: { mode: 'none' },
    });
    if (reply.type === 'subscribed') client.subscriptions.set(id, { ...wanted, filter, id, delivered: 0 });
    else if (reply.data['code'] !== 'forbidden') throw new Error(`unexpected: ${JSON.stringify(reply)}`);
  }

  async #unsubscribe(client: ModelClient): Promise<void> {
    const [id] = client.subscriptions.keys();
    if (id === undefined) return;
    await client.client.call('unsubscribe', { subscriptionId: id });
    client.subscriptions.delete(id);
  }

  async #authenticate(client: ModelClient): Promise<void> {
    const token = this.#one(['ana', 'ben', 'files']);
    await client.client.call('authenticate', { token });
    client.principal = `user:${token}`;
    if (token !== 'files') return;
    for (const { id, events } of client.subscriptions.values())
      if (events.some((event) => event !== 'file_change')) client.subscriptions.delete(id);
  }

  async #publish(): Promise<void> {
    const node = this.#one(this.#nodes);
    const stream = this.#one(STREAMS);
    const event = this.#one(['file_change', 'tick']);
    const path = this.#one(PATHS);
    const payload = event === 'tick' ? { path } : { path, root: 'shop', changeType: 'modify', fileType: 'file' };
    const idempotencyKey = `k${(this.#serial += 1)}`;
    // If Redis answers too late, because the machine is busy, the publication is repeated with the same idempotency key. So it is published
    // at most once, and a node does not count the repetition.
    const { duplicate } = await vi.waitFor(
      () => node.gateway.publish(event, payload, { stream, idempotencyKey }),
      PATIENCE,
    );
    if (!duplicate) add(this.#published, node.gateway.nodeId);
    add(this.#heads, stream);
    for (const client of this.#clients.values()) {
      const matching = [...client.subscriptions.values()].filter(
        (each) => each.stream === stream && matches(each, event, path),
      );
      for (const each of matching) each.delivered += 1;
      if (matching.length > 0) add(this.#delivered, client.node.gateway.nodeId);
    }
    const head = this.#heads.get(stream) ?? 0;
    // Wait until all nodes have the event, so that a later subscription does not receive it.
    await vi.waitUntil(() => this.#nodes.every((each) => headOf(each, stream) === head), PATIENCE);
  }

  async #disconnect({ connectionId }: ModelClient): Promise<void> {
    const { httpUrl } = this.#one(this.#nodes);
    const headers = { authorization: 'Bearer root', 'content-type': 'application/json' };
    const body = JSON.stringify({ connectionId });
    const response = await fetch(`${httpUrl}/ws/disconnect`, { method: 'POST', headers, body });
    const { disconnected } = (await response.json()) as { readonly disconnected: boolean };
    if (!disconnected) throw new Error(`${connectionId} was not found.`);
  }

  async #leave(client: ModelClient, end: () => unknown): Promise<void> {
    await end();
    await client.client.closed;
    this.#clients.delete(client.connectionId);
    await vi.waitUntil(
      () => this.#nodes.every((node) => node.gateway.health().connections === this.on(node).length),
      PATIENCE,
    );
  }

  #one<Item>(items: readonly Item[]): Item {
    return this.#random.pick(items);
  }

  /** The clients of a node. */
  on(node: Served): readonly ModelClient[] {
    return [...this.#clients.values()].filter((each) => each.node === node);
  }

  get stalled(): readonly ModelClient[] {
    return [...this.#clients.values()].filter(({ stalled }) => stalled);
  }

  rows(): ModelRow[] {
    return [...this.#clients.values()]
      .flatMap(({ connectionId, node, principal, address, subscriptions }) =>
        [...subscriptions.values()].map(({ id, stream, events, filter, delivered }) => ({
          connectionId,
          subscriptionId: id,
          nodeId: node.gateway.nodeId,
          principal,
          remoteAddress: address,
          stream,
          events: [...events],
          filter: filter as SubscriptionReport['filter'],
          delivered,
          gaps: 0,
        })),
      )
      .toSorted(byPlace);
  }

  /** Computes the expected figures of each node. */
  figures(): object[] {
    return this.#nodes.map((node) => {
      const { nodeId } = node.gateway;
      const clients = this.on(node);
      const idle = clients
        .filter(({ subscriptions }) => subscriptions.size === 0)
        .map(({ connectionId }) => connectionId);
      return {
        nodeId,
        connections: clients.length,
        subscriptions: clients.reduce((sum, { subscriptions }) => sum + subscriptions.size, 0),
        published: this.#published.get(nodeId) ?? 0,
        delivered: this.#delivered.get(nodeId) ?? 0,
        unsubscribedCount: idle.length,
        // Newest connection first. Sorting by id would not give this order, because ids of the same millisecond are random.
        unsubscribed: idle.toReversed().slice(0, 100),
      };
    });
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function headOf({ gateway }: Served, stream: string): number {
  return gateway.health().streams.find((each) => each.stream === stream)?.position.sequenceId ?? 0;
}

/**
 * Whether an event matches a subscription. Only `file_change` declares the filter fields that the model uses, so the filter does not
 * restrict other events (SUB-4).
 */
function matches({ events, filter }: ModelSubscription, event: string, path: string): boolean {
  if (!events.includes('*') && !events.includes(event)) return false;
  if (event !== 'file_change') return true;
  const { paths, extensions } = filter;
  return (
    (paths?.some((each) => path.startsWith(`${each}/`)) ?? true) &&
    (extensions?.some((each) => path.endsWith(each)) ?? true)
  );
}

function byPlace(a: ModelRow, b: ModelRow): number {
  return `${a.connectionId}/${a.subscriptionId}` < `${b.connectionId}/${b.subscriptionId}` ? -1 : 1;
}

const AS_ROOT = { headers: { authorization: 'Bearer root' } };

/** Reads all rows of `/ws/subscriptions`, page by page. @returns the rows and the last page */
export async function listedRows({ httpUrl }: Pick<Served, 'httpUrl'>, query = '', limit = 7) {
  const rows: ModelRow[] = [];
  for (let cursor = ''; ;) {
    const page = (await (
      await fetch(`${httpUrl}/ws/subscriptions?limit=${limit}${query}${cursor}`, AS_ROOT)
    ).json()) as SubscriptionsPage;
    rows.push(...page.items.map(rowOf));
    if (page.nextCursor === undefined) return { rows, page };
    cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
}

function rowOf(report: SubscriptionReport): ModelRow {
  const { connectionId, subscriptionId, nodeId, principal, remoteAddress, events, filter, delivered, gaps } = report;
  // Each client of the model subscribes to one stream, so the row has `stream`.
  const { stream = '' } = report;
  return {
    connectionId,
    subscriptionId,
    nodeId,
    principal,
    stream,
    events,
    filter,
    delivered,
    gaps,
    ...(remoteAddress === undefined ? {} : { remoteAddress }),
  };
}

export async function reportedNodes({ httpUrl }: Pick<Served, 'httpUrl'>): Promise<NodesReport> {
  return (await (await fetch(`${httpUrl}/ws/nodes`, AS_ROOT)).json()) as NodesReport;
}

/** For each reported node, the figures that the model also computes. */
export function figuresIn({ nodes }: NodesReport): object[] {
  return nodes.map(({ nodeId, connections, subscriptions, published, delivered, unsubscribedCount, unsubscribed }) => ({
    nodeId,
    connections,
    subscriptions,
    published,
    delivered,
    unsubscribedCount,
    unsubscribed: unsubscribed.map(({ connectionId }) => connectionId),
  }));
}
