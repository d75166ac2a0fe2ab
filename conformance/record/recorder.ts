/**
 * The recorder: a proxy between real clients and a real gateway, for WebSocket and HTTP. It forwards messages and
 * bodies unchanged, and records every message, ping, pong and close with its sender. It always reads from the gateway as fast
 * as it can, so the gateway does not notice that a client is slow.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callHttp } from '../target/http.ts';
import { readBytes } from '../target/message.ts';
import { tryParse } from '../trace/json.ts';
import type { Json } from '../trace/json.ts';
import { Capture } from './capture.ts';
import { passedOn, requestHeaders } from './headers.ts';
import { RecordedConnection } from './recorded-connection.ts';
import type { Upgrade } from './recorded-connection.ts';

export interface RecorderOptions {
  /** WebSocket address of the target, for example `ws://127.0.0.1:7400/ws`. */
  readonly target: URL;
  readonly httpTarget: URL;
  /** The file to write. */
  readonly out: string;
  readonly host: string;
  readonly port: number;
  readonly onConnection?: (actor: string, how: string) => void;
}

export interface Recorder {
  /** The address to which clients connect. */
  readonly url: string;
  /** How many frames have been written so far. */
  readonly frames: () => number;
  /** Closes the file, then every connection. */
  close(): Promise<void>;
}

/** How long to wait for an HTTP response, in milliseconds. */
const PATIENCE_MS = 10_000;
/** How many characters of a body are recorded if it is not JSON. */
const KEPT = 4000;

class Relay {
  readonly capture: Capture;
  readonly #options: RecorderOptions;
  readonly #connections = new Set<RecordedConnection>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.capture = new Capture(options.out, options.target);
  }

  /** Hides secrets before the body is cut off, because half a secret is not found. */
  #shownBody(body: Uint8Array): Json {
    const text = Buffer.from(body).toString('utf8');
    return tryParse(text) ?? this.capture.pseudonyms.hide(text).slice(0, KEPT);
  }

  async http(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { httpTarget } = this.#options;
    const url = new URL(request.url ?? '/', httpTarget);
    this.capture.pseudonyms.learnHeaders(request.headers);
    this.capture.pseudonyms.learnQuery(url.searchParams);
    const body = await readBytes(request);
    const { method = 'GET' } = request;
    const shown = { method, path: `${url.pathname}${url.search}` };
    const note = (dir: '>>' | '<<', value: Json): void =>
      this.capture.add({ actor: 'http', connection: 0, dir, kind: 'http', text: JSON.stringify(value) });
    note('>>', body.length === 0 ? shown : { ...shown, body: this.#shownBody(body) });
    const headers = requestHeaders(request.headers, httpTarget);
    const call = { method, url, headers, timeoutMs: PATIENCE_MS, ...(body.length === 0 ? {} : { body }) };
    try {
      const { status, raw } = await callHttp(call);
      note('<<', { ...shown, status, body: this.#shownBody(raw.body) });
      response.writeHead(status, passedOn(raw.headers)).end(raw.body);
    } catch (error) {
      note('<<', { ...shown, fault: error instanceof Error ? error.message : 'no response' });
      response.writeHead(502).end('The target does not respond.\n');
    }
  }

  async upgrade(upgrade: Upgrade): Promise<void> {
    const { target, httpTarget, onConnection } = this.#options;
    const connection = new RecordedConnection({ capture: this.capture, target, httpTarget });
    this.#connections.add(connection);
    upgrade.socket.on('close', () => this.#connections.delete(connection));
    const how = await connection.open(upgrade);
    onConnection?.(connection.actor, how);
  }

  close(): void {
    this.capture.close();
    for (const connection of this.#connections) connection.cut();
  }
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((done) => {
    server.close(() => done());
  });
}

/** Listens, and records until it is closed. Rejects when it cannot use the port or the file. */
export async function startRecorder(options: RecorderOptions): Promise<Recorder> {
  const server = createServer();
  server.listen(options.port, options.host);
  await once(server, 'listening');
  let relay: Relay;
  try {
    // The file is created last, so that no empty file remains if the port is in use.
    relay = new Relay(options);
  } catch (error) {
    await close(server);
    throw error;
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    relay.http(request, response).catch(() => response.destroy());
  });
  server.on('upgrade', (request: IncomingMessage, socket, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    relay.upgrade({ request, socket, head }).catch(() => socket.destroy());
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://${options.host}:${port}${options.target.pathname}`,
    frames: () => relay.capture.frames,
    close: async () => {
      relay.close();
      await close(server);
    },
  };
}
