import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Faults } from './faults.ts';
import { Relay } from './relay.ts';

test('if the gateway resets the connection after the headers of a response, the response ends with an error, and the relay continues', async () => {
  const sockets: Socket[] = [];
  const gateway = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin'));
  }).listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  onTestFinished(() => void gateway.close());
  const { port: behind } = gateway.address() as AddressInfo;
  const relay = new Relay({ faults: new Faults(), port: () => behind, onSubscribed: vi.fn<() => void>() });
  onTestFinished(() => relay.close());
  const port = await relay.listen({ host: '127.0.0.1', port: 0 });
  for (let n = 0; n < 2; n += 1) {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(response.status).toBe(200);
    const text = response.text();
    sockets.at(-1)?.resetAndDestroy();
    await expect(text).rejects.toThrow('terminated');
  }
});
