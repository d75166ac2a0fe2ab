/**
 * A server that replays a recording. The first client receives what the server sent on the first recorded connection, the second client
 * what it sent on the second, and so on. The server does not use a contract. Therefore it can replay a recording of any contract and of any
 * server, even one with invalid messages.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../generated/protocol.ts';
import type { RecordedConnection, RecordedItem } from './recording.ts';
import { isObject } from './script.ts';

/** Close codes that must not be sent (RFC 6455, 7.4.1). For these, the connection is ended without a close frame. */
const UNSENDABLE: readonly number[] = [1005, 1006, 1015];
/** Members that contain ids of subscriptions. A client may choose other ids than the recorded client. */
const ID_MEMBERS: readonly string[] = ['subscriptionId', 'subscriptionIds'];

export interface ReplayerOptions {
  readonly connections: readonly RecordedConnection[];
  /** The recorded pauses between messages are multiplied by this factor. If it is 0, messages are sent without a pause. */
  readonly pace: number;
}

export class Replayer {
  readonly #options: ReplayerOptions;
  readonly #server = createServer((_request, response) => {
    response
      .writeHead(404, { 'content-type': 'text/plain' })
      .end('The mock replays a recording, so it has no HTTP operations.\n');
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
      // If more clients connect than were recorded, each further client receives the last recorded connection.
      const items = connections[Math.min(this.#opened, connections.length - 1)] ?? [];
      this.#opened += 1;
      new Replay(items, socket, pace).proceed();
    });
  }

  /** `used`: the number of connections that clients have opened. `recorded`: the number of recorded connections. */
  get progress(): { readonly used: number; readonly recorded: number } {
    return { used: this.#opened, recorded: this.#options.connections.length };
  }

  /** Listens on 127.0.0.1. @returns the bound port */
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

/** The replay of one connection. The messages that followed a recorded command are sent after this client has sent the same command. */
class Replay {
  readonly #items: RecordedConnection;
  readonly #socket: WebSocket;
  readonly #pace: number;
  /**
   * `#commands`: for the id of each recorded command, the command of this client. `#subscriptions`: for the id of each recorded
   * subscription, the id that this client uses.
   */
  readonly #commands = new Map<string, Command>();
  readonly #subscriptions = new Map<string, string>();
  /** Commands of this client that the replay has not reached yet. */
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

  /** Sends all recorded messages, up to the next recorded command that this client has not sent yet. */
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

  /**
   * Takes the oldest waiting command of this client. The replay continues after the recorded command that corresponds to it; if there is
   * none, the command is answered here.
   * @returns false if no command waits
   */
  #takeCommand(): boolean {
    const command = this.#waiting.shift();
    if (command === undefined) return false;
    const found = this.#items.findIndex((item, at) => at >= this.#at && item.from === 'client' && fits(item, command));
    const item = this.#items[found];
    if (item?.from !== 'client') {
      this.#answerUnknown(command);
      return true;
    }
    // This client did not send the recorded commands in between, so their replies are left out.
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

  /**
   * Records which id this client uses for a recorded subscription. The recorded id is read from the reply, because the recorded client may
   * have let the server choose the id.
   */
  #learnSubscription(text: string, command: Command | undefined): void {
    const own = command?.data['subscriptionId'];
    if (command?.type !== 'subscribe' || typeof own !== 'string') return;
    const recorded = commandOf(text)?.data['subscriptionId'];
    if (typeof recorded === 'string' && recorded !== own) this.#subscriptions.set(recorded, own);
  }

  /** The recorded message with the ids of this client. Nothing else is changed. */
  #translated(text: string, command: Command | undefined): string {
    const message: unknown = JSON.parse(text, (key, value: unknown) =>
      ID_MEMBERS.includes(key) ? this.#named(value) : value,
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

/** Whether a recorded command corresponds to the client's command: both have the same type, stream and event. */
function fits(item: Extract<RecordedItem, { from: 'client' }>, { type, data }: Command): boolean {
  return (
    item.type === type && ['stream', 'event'].every((name) => (item.data[name] ?? 'main') === (data[name] ?? 'main'))
  );
}
