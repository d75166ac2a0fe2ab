/**
 * A client that follows all sessions and checks what it receives: every event once, in order per session, and the end of every session
 * once.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';

interface Message {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Place {
  readonly epoch: unknown;
  readonly sequenceId: number;
}

/** How long to wait for an event or an end. It is longer than the time to live of a session. */
const PATIENCE_MS = 120_000;
const EXPECTED: ReadonlySet<string> = new Set(['welcome', 'subscribed', 'heartbeat']);

export class SessionFollower {
  readonly #socket: WebSocket;
  readonly #places = new Map<string, Place>();
  readonly faults: string[] = [];
  #subscribed = false;
  events = 0;
  ends = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.#receive(JSON.parse(data.toString('utf8')) as Message));
    socket.on('close', (code) => this.faults.push(`the connection was closed with ${code}`));
  }

  static async open(url: string): Promise<SessionFollower> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const follower = new SessionFollower(socket);
    await once(socket, 'open');
    const data = { subscriptionId: 'all', streams: ['session:*'], events: ['*'], replay: { mode: 'none' } };
    socket.send(JSON.stringify({ type: 'subscribe', id: 'follow', data }));
    await follower.until(() => follower.#subscribed, 'the confirmation of the subscription');
    return follower;
  }

  /** The sessions that have events and have not ended. */
  get alive(): number {
    return this.#places.size;
  }

  /**
   * Resolves once the condition holds. @throws {Error} if neither an event nor an end arrives for two minutes, or if a received message was
   * wrong
   */
  async until(condition: () => boolean, what: string): Promise<void> {
    let [seen, since] = [-1, 0];
    while (!condition()) {
      if (seen !== this.events + this.ends) [seen, since] = [this.events + this.ends, performance.now()];
      if (performance.now() - since > PATIENCE_MS || this.faults.length > 0)
        throw new Error(
          `Stopped waiting for ${what}: received ${this.events} events and ${this.ends} ends, ${this.faults.length} faults: ${this.faults.slice(0, 5).join(', ')}`,
        );
      await delay(5);
    }
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.close();
  }

  #receive({ type, data }: Message): void {
    if (type === 'subscribed') this.#subscribed = true;
    else if (type === 'event') this.#receiveEvent(data);
    else if (type === 'positions') for (const stream of (data['ended'] ?? []) as readonly string[]) this.#end(stream);
    else if (!EXPECTED.has(type)) this.faults.push(`unexpected: ${type} ${JSON.stringify(data)}`);
  }

  #receiveEvent({ stream, epoch, sequenceId }: Message['data']): void {
    const name = String(stream);
    const before = this.#places.get(name) ?? { epoch, sequenceId: 0 };
    if (before.epoch !== epoch || Number(sequenceId) !== before.sequenceId + 1)
      this.faults.push(`${name}: received ${Number(sequenceId)} after ${before.sequenceId}`);
    this.#places.set(name, { epoch, sequenceId: Number(sequenceId) });
    this.events += 1;
  }

  #end(stream: string): void {
    if (!this.#places.delete(stream)) this.faults.push(`${stream} ended without events`);
    this.ends += 1;
  }
}
