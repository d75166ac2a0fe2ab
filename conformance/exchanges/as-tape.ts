/** Converts a generated exchange to a tape, so that a counterexample can be kept, read and repeated. */
import type { Json, JsonObject } from '../trace/json.ts';
import { formatTape } from '../tape/format.ts';
import { CLIENTS } from './operation.ts';
import type { Client, Operation } from './operation.ts';

const STREAM = 'workspace:${nonce}';

class Writer {
  readonly lines: JsonObject[] = [];
  readonly #open = new Set<Client>();
  #serial = 0;
  #subscribes = 0;

  #connect(client: Client): void {
    if (this.#open.has(client)) return;
    this.#open.add(client);
    this.lines.push({ as: client, open: {} });
  }

  commandSteps(client: Client, type: string, data: JsonObject): readonly JsonObject[] {
    this.#connect(client);
    this.#serial += 1;
    const id = `x${this.#serial}`;
    return [
      { as: client, send: { type, id, data } },
      { as: client, recv: { id } },
    ];
  }

  write(operation: Operation): void {
    const { lines } = this;
    if (operation.op === 'subscribe') lines.push(...this.#subscribe(operation));
    else if (operation.op === 'publish') lines.push(stim(operation.events));
    else if (operation.op === 'unsubscribe')
      lines.push(...this.commandSteps(operation.client, 'unsubscribe', { subscriptionId: operation.id }));
    else if (operation.op === 'unsubscribe_all')
      lines.push(...this.commandSteps(operation.client, 'unsubscribe', { all: true }));
    else if (operation.op === 'sync') lines.push(...this.commandSteps(operation.client, 'sync', { stream: STREAM }));
    else if (operation.op === 'ping') lines.push(...this.commandSteps(operation.client, 'ping', {}));
    else if (operation.op === 'list') lines.push(...this.commandSteps(operation.client, 'list_subscriptions', {}));
    else if (operation.op === 'malformed') this.#malformed(operation.client, operation.message);
    else this.#reconnect(operation.client);
  }

  #subscribe(operation: Extract<Operation, { op: 'subscribe' }>): readonly JsonObject[] {
    const { client, id, events, filter, mode, meanwhile } = operation;
    this.#subscribes += 1;
    const before = `p${this.#subscribes - 1}`;
    // A tape cannot know which events the client will have received. So a resume continues after the position in the
    // previous `subscribed`, of either client.
    const after = {
      epoch: { $ref: `${before}/data/position/epoch` },
      sequenceId: { $ref: `${before}/data/position/sequenceId` },
    };
    const replay =
      mode === 'resume' && this.#subscribes > 1 ? { mode, after } : { mode: mode === 'resume' ? 'warm' : mode };
    const [send, recv] = this.commandSteps(client, 'subscribe', {
      subscriptionId: id,
      stream: STREAM,
      events,
      filter,
      replay,
    });
    const asked = [send ?? {}, { ...recv, bind: `p${this.#subscribes}` }];
    return meanwhile.length === 0 ? asked : [{ par: [asked, [stim(meanwhile)]] }];
  }

  #malformed(client: Client, message: Json): void {
    this.#connect(client);
    this.lines.push({ as: client, sendText: message }, { as: client, recv: { type: 'error' } });
  }

  #reconnect(client: Client): void {
    this.#connect(client);
    this.#open.delete(client);
    this.lines.push({ as: client, drop: {} });
  }

  fence(): void {
    for (const client of CLIENTS)
      if (this.#open.has(client)) this.lines.push(...this.commandSteps(client, 'sync', { stream: STREAM }));
  }
}

function stim(events: Extract<Operation, { op: 'publish' }>['events']): JsonObject {
  return { stim: events.map((event) => ({ stream: STREAM, ...event })) };
}

export interface TapeText {
  readonly id: string;
  readonly clauses: readonly string[];
  readonly why: string;
}

/** Writes the tape as NDJSON. The tape has few expectations of its own, because the invariants over its trace find the fault. */
export function exchangeTape(operations: readonly Operation[], { id, clauses, why }: TapeText): string {
  const writer = new Writer();
  for (const operation of operations) writer.write(operation);
  writer.fence();
  const publishes = writer.lines.some((line) => JSON.stringify(line).includes('"stim"'));
  const header = {
    tape: 1,
    id,
    clauses,
    stimulus: publishes ? 'publish' : 'none',
    why,
    actors: Object.fromEntries(CLIENTS.map((client) => [client, {}])),
  };
  return formatTape([header, ...writer.lines].map((line) => JSON.stringify(line)).join('\n'), id);
}
