/** One client's connection through the recorder: every frame is recorded and forwarded to the other side. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { acceptSocket, openSocket } from '../target/socket.ts';
import type { Refused, Socket } from '../target/socket.ts';
import type { FrameKind } from '../trace/trace.ts';
import type { Capture } from './capture.ts';
import { passedOn, requestHeaders } from './headers.ts';

/** How long to wait for the target's response to an upgrade, in milliseconds. */
const PATIENCE_MS = 10_000;
/** Status for the client when the target is unreachable or not a WebSocket server (RFC 9110 §15.6.3). */
const UNREACHABLE = 502;

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

export interface RecordedConnectionOptions {
  readonly capture: Capture;
  /** WebSocket address of the target. */
  readonly target: URL;
  readonly httpTarget: URL;
}

function pass(to: Socket, kind: 'text' | 'binary' | 'ping' | 'pong', content: string): void {
  if (kind === 'text') to.sendText(content);
  else to.sendFrame({ opcode: kind, hex: content });
}

/**
 * Ends the connection to one side just as the other side ended its connection: with the same close code, or without a close
 * frame.
 */
function finish(to: Socket, code: number, reason: string): void {
  if (code === 1006) to.cut();
  else if (code === 1005) to.close();
  else to.close(code, reason);
}

function refuse(socket: Duplex, { status, headers, body, raw }: Refused): void {
  const content = raw?.body ?? Buffer.from(body, 'utf8');
  const all = { ...passedOn(raw?.headers ?? headers), connection: 'close', 'content-length': content.length };
  const lines = Object.entries(all).flatMap(([name, value]) => [value ?? []].flat().map((each) => `${name}: ${each}`));
  socket.write(`${[`HTTP/1.1 ${status} Refused`, ...lines].join('\r\n')}\r\n\r\n`, 'latin1');
  socket.end(content);
}

export class RecordedConnection {
  readonly actor: string;
  readonly #capture: Capture;
  readonly #options: RecordedConnectionOptions;
  readonly #connection: number;
  #client: Socket | undefined;
  #target: Socket | undefined;
  /** Frames of the target that arrive before the client's upgrade is complete. */
  readonly #early: ((client: Socket) => void)[] = [];
  /** The TCP connection of the client, until the target has answered. */
  #waiting: Duplex | undefined;
  #opened = false;
  #ended = false;

  constructor(options: RecordedConnectionOptions) {
    this.#options = options;
    this.#capture = options.capture;
    this.#connection = this.#capture.nextConnection();
    this.actor = `client${this.#connection}`;
  }

  #note(dir: '>>' | '<<', kind: FrameKind, text: string): void {
    this.#capture.add({ actor: this.actor, connection: this.#connection, dir, kind, text });
  }

  #toClient(send: (client: Socket) => void): void {
    if (this.#client === undefined) this.#early.push(send);
    else send(this.#client);
  }

  #end(dir: '>>' | '<<', code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#note(dir, 'close', JSON.stringify({ code, reason }));
    if (dir === '<<') this.#toClient((client) => finish(client, code, reason));
    else if (this.#target !== undefined) finish(this.#target, code, reason);
  }

  #address(request: IncomingMessage): string {
    const { target, capture } = this.#options;
    const asked = new URL(request.url ?? '/', target);
    capture.pseudonyms.learnHeaders(request.headers);
    capture.pseudonyms.learnQuery(asked.searchParams);
    const url = new URL(target);
    url.search = asked.search;
    return url.href;
  }

  async #reach(request: IncomingMessage): Promise<Socket | Refused> {
    const handshake = await openSocket({
      url: this.#address(request),
      protocols: (request.headers['sec-websocket-protocol'] ?? '').split(',').flatMap((each) => each.trim() || []),
      headers: requestHeaders(request.headers, this.#options.httpTarget),
      // The client, not the recorder, answers pings.
      pong: 'never',
      timeoutMs: PATIENCE_MS,
      onOpen: (protocol) => {
        this.#opened = true;
        this.#note('<<', 'open', JSON.stringify({ protocol }));
      },
      onFrame: (kind, content) => {
        this.#note('<<', kind, content);
        this.#toClient((client) => pass(client, kind, content));
      },
      onFault: (text) => this.#note('<<', 'mark', `unreadable: ${text}`),
      onClose: (code, reason) => {
        if (this.#opened) this.#end('<<', code, reason);
      },
    });
    if ('socket' in handshake) return handshake.socket;
    if ('refused' in handshake) return handshake.refused;
    return { status: UNREACHABLE, headers: {}, body: 'The target is not reachable as a WebSocket.\n' };
  }

  /** Accepts the client only after the target has accepted the connection, and with the same subprotocol. */
  async open({ request, socket, head }: Upgrade): Promise<'accepted' | 'rejected' | 'the target does not answer'> {
    this.#waiting = socket;
    const answer = await this.#reach(request);
    this.#waiting = undefined;
    if ('status' in answer) {
      this.#note('<<', 'refused', JSON.stringify({ status: answer.status, body: answer.body }));
      refuse(socket, answer);
      return answer.status === UNREACHABLE ? 'the target does not answer' : 'rejected';
    }
    this.#target = answer;
    if (socket.destroyed) this.#end('>>', 1006, '');
    else await this.#accept({ request, socket, head }, answer);
    return 'accepted';
  }

  async #accept({ request, socket, head }: Upgrade, target: Socket): Promise<void> {
    this.#client = await acceptSocket(request, socket, head, {
      protocol: target.protocol,
      onFrame: (kind, content) => {
        this.#note('>>', kind, content);
        pass(target, kind, content);
      },
      onClose: (code, reason) => this.#end('>>', code, reason),
    });
    for (const send of this.#early.splice(0)) send(this.#client);
  }

  /** Ends both connections. If the target accepts the connection only later, `open` ends it, because the client has gone. */
  cut(): void {
    this.#waiting?.destroy();
    this.#client?.cut();
    this.#target?.cut();
  }
}
