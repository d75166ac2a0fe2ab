/**
 * A server that repeats a recording: the first client gets what the server sent on the first recorded connection, and so on. It knows no
 * contract, so a recording of any contract and of any server can be repeated, wrong messages included.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../generated/protocol.ts';
import type { RecordedConnection, RecordedItem } from './recording.ts';
import { isObject } from './script.ts';

/** Close codes that cannot be sent (RFC 6455, 7.4.1): the connection is cut instead. */
const UNSENDABLE: readonly number[] = [1005, 1006, 1015];
/** Members that name subscriptions. A client may choose other ids than the recorded one. */
const NAMES: readonly string[] = ['subscriptionId', 'subscriptionIds'];

export interface ReplayerOptions {
  readonly connections: readonly RecordedConnection[];
  /** The recorded pauses between messages are multiplied by this; 0 sends without a pause. */
  readonly pace: number;
}

export class Replayer {
  readonly #options: ReplayerOptions;
  readonly #server = createServer((_request, response) => {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('A replayed recording has no HTTP operations.\n');
  });
  readonly #sockets = new WebSocketServer({
    server: this.#server,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  #opened = 0;

  constructor(options: ReplayerOptions) {
    this.#options = options;
    this.#sockets.on('connection', (socket) => {
      const { connections, pace } = options;
      // After the last recorded connection, it is repeated.
      const items = connections[Math.min(this.#opened, connections.length - 1)] ?? [];
      this.#opened += 1;
      new Replay(items, socket, pace).proceed();
    });
  }

  /** How many of the recorded connections have been used. */
  get progress(): { readonly used: number; readonly recorded: number } {
    return { used: this.#opened, recorded: this.#options.connections.length };
  }

  /** @returns the port, on 127.0.0.1 */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

interface Command {
  readonly type: string;
  readonly id: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The repetition of one connection. What the server sent after a command is sent after the same command of this client. */
class Replay {
  readonly #items: RecordedConnection;
  readonly #socket: WebSocket;
  readonly #pace: number;
  /** The command of this client for the id of each recorded one, and its id of each recorded subscription. */
  readonly #commands = new Map<string, Command>();
  readonly #subscriptions = new Map<string, string>();
  /** Commands of the client that the recording has not reached. */
  readonly #waiting: Command[] = [];
  #at = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(items: RecordedConnection, socket: WebSocket, pace: number) {
    this.#items = items;
    this.#socket = socket;
    this.#pace = pace;
    socket.on('error', () => undefined);
    socket.on('close', () => clearTimeout(this.#timer));
    socket.on('message', (data: Buffer, isBinary) => {
      const command = isBinary ? undefined : commandOf(data.toString('utf8'));
      if (command === undefined) return;
      this.#waiting.push(command);
      this.proceed();
    });
  }

  /** Sends everything up to the next command that the client has not sent. */
  proceed(): void {
    if (this.#timer !== undefined) return;
    for (;;) {
      const item = this.#items[this.#at];
      if (item === undefined || item.from === 'client') {
        if (!this.#takeCommand()) return;
        continue;
      }
      this.#at += 1;
      const waitMs = item.pauseMs * this.#pace;
      if (waitMs > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#send(item);
          this.proceed();
        }, waitMs);
        return;
      }
      this.#send(item);
    }
  }

  /** Matches the client's oldest command with the recorded ones. @returns whether there was one */
  #takeCommand(): boolean {
    const command = this.#waiting.shift();
    if (command === undefined) return false;
    const found = this.#items.findIndex((item, at) => at >= this.#at && item.from === 'client' && fits(item, command));
    const item = this.#items[found];
    if (item?.from !== 'client') {
      this.#answerUnknown(command);
      return true;
    }
    // Replies to recorded commands in between are left out, because this client did not send those.
    for (const skipped of this.#items.slice(this.#at, found))
      if (skipped.from === 'server' && skipped.id === undefined) this.#send(skipped);
    this.#at = found + 1;
    if (item.id !== undefined) this.#commands.set(item.id, command);
    return true;
  }

  #answerUnknown({ type, id }: Command): void {
    const reply =
      type === 'ping'
        ? { type: 'pong', data: { time: new Date().toISOString() } }
        : {
            type: 'error',
            data: {
              code: 'forbidden',
              message: `The recording has no further reply to \`${type}\`.`,
              retryable: false,
            },
          };
    this.#socket.send(JSON.stringify({ ...reply, ...(id === undefined ? {} : { id }) }));
  }

  #send(item: Exclude<RecordedItem, { from: 'client' }>): void {
    if (item.from === 'close') {
      if (UNSENDABLE.includes(item.code)) this.#socket.terminate();
      else this.#socket.close(item.code, item.reason);
      return;
    }
    const command = item.id === undefined ? undefined : this.#commands.get(item.id);
    if (item.id !== undefined && command === undefined) return;
    this.#learnSubscription(item.text, command);
    const isSame = item.id === command?.id && this.#subscriptions.size === 0;
    this.#socket.send(isSame ? item.text : this.#translated(item.text, command));
  }

  /** The reply to a `subscribe` has the recorded id of the subscription, also where the recorded client left it to the server. */
  #learnSubscription(text: string, command: Command | undefined): void {
    const own = command?.data['subscriptionId'];
    if (command?.type !== 'subscribe' || typeof own !== 'string') return;
    const recorded = commandOf(text)?.data['subscriptionId'];
    if (typeof recorded === 'string' && recorded !== own) this.#subscriptions.set(recorded, own);
  }

  /** The message with this client's ids; everything else stays as it was recorded. */
  #translated(text: string, command: Command | undefined): string {
    const message: unknown = JSON.parse(text, (key, value: unknown) =>
      NAMES.includes(key) ? this.#named(value) : value,
    );
    if (!isObject(message) || command === undefined) return JSON.stringify(message);
    const { type, id: _id, ...rest } = message;
    return JSON.stringify({ type, ...(command.id === undefined ? {} : { id: command.id }), ...rest });
  }

  #named(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.#named(each));
    return typeof value === 'string' ? (this.#subscriptions.get(value) ?? value) : value;
  }
}

function commandOf(text: string): Command | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value) || typeof value['type'] !== 'string') return undefined;
    const { type, id, data } = value;
    return { type, id: typeof id === 'string' ? id : undefined, data: isObject(data) ? data : {} };
  } catch {
    return undefined;
  }
}

/** A recorded command stands for the client's if both have the same type, stream and event. */
function fits(item: Extract<RecordedItem, { from: 'client' }>, { type, data }: Command): boolean {
  return (
    item.type === type && ['stream', 'event'].every((name) => (item.data[name] ?? 'main') === (data[name] ?? 'main'))
  );
}
