/** The connection on which the suite continuously pings the target (`paced-clock.ts`). It is not part of the trace. */
import { SUBPROTOCOL } from '../../generated/protocol.ts';
import { openSocket } from '../target/socket.ts';
import type { Socket } from '../target/socket.ts';
import { credentialOf } from './connection.ts';
import { UntestableError } from './context.ts';
import type { RunContext } from './context.ts';
import { SILENT_MS } from './paced-clock.ts';

/** The shortest time between two attempts to connect, in milliseconds. */
const RETRY_MS = 1000;

export class PingConnection {
  readonly #context: Pick<RunContext, 'config' | 'now'>;
  #socket: Socket | undefined;
  #openedAt = Infinity;
  #tried = -Infinity;
  /** Called when the ping is answered, or cannot be answered any more. */
  #answered: () => void = () => undefined;
  #ended = false;

  constructor(context: Pick<RunContext, 'config' | 'now'>) {
    this.#context = context;
  }

  /** Resolves when the target has answered a ping, or when there is no connection for a ping. */
  async ping(): Promise<void> {
    if (this.#socket === undefined) return this.#connect();
    const answer = Promise.withResolvers<void>();
    this.#answered = answer.resolve;
    this.#socket.sendFrame({ opcode: 'ping', text: 'tick' });
    return answer.promise;
  }

  async #connect(): Promise<void> {
    const { config, now } = this.#context;
    if (now() < this.#tried + RETRY_MS || this.#ended) return;
    this.#tried = now();
    const headers = await this.#headers();
    const handshake = await openSocket({
      url: config.url,
      protocols: [SUBPROTOCOL],
      headers,
      pong: 'auto',
      timeoutMs: SILENT_MS,
      onOpen: () => undefined,
      onFrame: (kind) => {
        if (kind === 'pong') this.#answered();
      },
      onFault: () => undefined,
      onClose: () => {
        this.#socket = undefined;
        this.#answered();
      },
    });
    if (!('socket' in handshake)) return;
    this.#socket = handshake.socket;
    this.#openedAt = now();
    if (this.#ended) this.close();
  }

  async #headers(): Promise<Readonly<Record<string, string>>> {
    try {
      return (await credentialOf(undefined, this.#context))?.headers ?? {};
    } catch (error) {
      // The configuration lacks the credential. The checks report that.
      if (error instanceof UntestableError) return {};
      throw error;
    }
  }

  /** Whether the connection was open all the time since `from`, so that the target has not been restarted since. */
  isOpenSince(from: number): boolean {
    return this.#socket !== undefined && this.#openedAt <= from;
  }

  close(): void {
    this.#ended = true;
    this.#socket?.cut();
    this.#answered();
  }
}
