/**
 * A client that uses as much as its principal is allowed: many session streams, keys and filters, and always several commands in flight.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface PrincipalWork {
  readonly sessions: number;
  /** Number of entities about which the client publishes. The gateway retains the newest event of each entity. */
  readonly keys: number;
  readonly filters: number;
}

export interface PrincipalReport {
  readonly published: number;
  readonly subscribed: number;
  /** Number of subscriptions that were refused with `limit_exceeded`. */
  readonly refused: number;
  /** Number of unexpected results: errors other than `limit_exceeded`, and every publication that failed. */
  readonly unexplained: number;
}

interface Reply {
  readonly id?: string;
  readonly type: string;
  readonly data: { readonly code?: string };
}

const IN_FLIGHT = 32;

export class GreedyPrincipal {
  readonly #name: string;
  readonly #ws: WebSocket;
  readonly #waiting = new Map<string, (reply: Reply) => void>();
  #serial = 0;

  private constructor(ws: WebSocket, name: string) {
    this.#name = name;
    this.#ws = ws;
    ws.on('error', () => undefined);
    ws.on('message', (data: Buffer) => {
      const reply = JSON.parse(data.toString('utf8')) as Reply;
      if (reply.id === undefined) return;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    ws.on('close', (code) => {
      for (const settle of this.#waiting.values()) settle({ type: 'closed', data: { code: String(code) } });
      this.#waiting.clear();
    });
  }

  static async open(
    url: string,
    { name, secret }: { readonly name: string; readonly secret: string },
  ): Promise<GreedyPrincipal> {
    const headers = secret === '' ? {} : { authorization: `Bearer ${secret}` };
    const ws = new WebSocket(url, { perMessageDeflate: false, headers });
    const principal = new GreedyPrincipal(ws, name);
    await once(ws, 'open');
    return principal;
  }

  async work({ sessions, keys, filters }: PrincipalWork): Promise<PrincipalReport> {
    const streams = Array.from({ length: sessions }, (_, at) => `session:${this.#name}-${at}`);
    const streamAt = (at: number): string => streams[at % sessions] ?? '';
    const subscribes = await this.#inFlight(filters, (at) =>
      this.#call('subscribe', {
        stream: streamAt(at),
        events: ['entity_*'],
        filter: { paths: [`packages/${this.#name}/module-${at}/**/*.ts`] },
      }),
    );
    const publishes = await this.#inFlight(keys, (at) => {
      const payload = {
        id: `fn:packages/${this.#name}/file-${at}.ts#start`,
        entityType: 'function',
        name: 'start',
        path: `packages/${this.#name}/file-${at}.ts`,
        language: 'typescript',
        hash: at.toString(16),
      };
      const idempotencyKey = `${this.#name}-${at}`;
      return this.#call('broadcast', { stream: streamAt(at), event: 'entity_created', payload, idempotencyKey });
    });
    const count = (replies: readonly Reply[], fits: (reply: Reply) => boolean): number => replies.filter(fits).length;
    const isRefusal = ({ type, data }: Reply): boolean => type === 'error' && data.code === 'limit_exceeded';
    const subscribed = count(subscribes, ({ type }) => type === 'subscribed');
    const published = count(publishes, ({ type }) => type === 'broadcasted');
    const refused = count(subscribes, isRefusal);
    return { published, subscribed, refused, unexplained: filters + keys - published - subscribed - refused };
  }

  close(): void {
    this.#ws.terminate();
  }

  async #inFlight(times: number, command: (at: number) => Promise<Reply>): Promise<readonly Reply[]> {
    const replies: Reply[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let at = next; at < times; at = next) {
        next += 1;
        replies.push(await command(at));
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    return replies;
  }

  #call(type: string, data: Readonly<Record<string, unknown>>): Promise<Reply> {
    this.#serial += 1;
    const id = `c${this.#serial}`;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(JSON.stringify({ type, id, data }));
      else resolve({ type: 'closed', data: {} });
    });
  }
}
