/** A WebSocket server for clients of the older system. Each client gets its own connection to the gateway. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { toOlder, toTidemark } from './messages.ts';

export interface Bridge {
  readonly url: string;
  close(): Promise<void>;
}

/** @param gateway address of the gateway's WebSocket */
export async function serveBridge(gateway: string, { port = 0 }: { readonly port?: number } = {}): Promise<Bridge> {
  const server = new WebSocketServer({ host: '127.0.0.1', port });
  server.on('connection', (older, { headers: { authorization } }) => {
    connect(older, new WebSocket(gateway, { headers: authorization === undefined ? {} : { authorization } }));
  });
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function connect(older: WebSocket, newer: WebSocket): void {
  /** The bridge makes its own ids, because those of the older system may be missing or repeated. */
  const oldIds = new Map<string, unknown>();
  const early: string[] = [];
  let serial = 0;
  const answer = (message: object): void => older.send(JSON.stringify(message));
  older.on('message', (data: Buffer) => {
    const message = parse(data);
    const translation = toTidemark(message);
    const oldId = (message as { readonly id?: unknown } | undefined)?.id;
    if ('fault' in translation) return answer({ type: 'error', id: oldId, message: translation.fault });
    serial += 1;
    const id = `bridge-${serial}`;
    oldIds.set(id, oldId);
    const text = JSON.stringify({ ...translation.command, id });
    if (newer.readyState === WebSocket.CONNECTING) early.push(text);
    else newer.send(text);
  });
  newer.on('open', () => early.splice(0).forEach((text) => newer.send(text)));
  newer.on('message', (data: Buffer) => {
    const message = parse(data);
    const id = (message as { readonly id?: string } | undefined)?.id;
    for (const each of toOlder(message, id === undefined ? undefined : oldIds.get(id))) answer(each);
    if (id !== undefined) oldIds.delete(id);
  });
  // When one side closes, the other is closed too; a client of the older system then reconnects as before.
  newer.on('close', (code, reason) => (isSendable(code) ? older.close(code, reason) : older.terminate()));
  newer.on('error', () => older.terminate());
  older.on('close', () => newer.terminate());
  older.on('error', () => newer.terminate());
}

/** 1005 and 1006 mean that there was no close code, and must not be sent in a close frame (RFC 6455, 7.4.1). */
function isSendable(code: number): boolean {
  return code !== 1005 && code !== 1006;
}

function parse(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString('utf8'));
  } catch {
    return undefined;
  }
}
