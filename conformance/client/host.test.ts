import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Host } from './host.ts';
import type { Upgrade } from './host.ts';

const REQUEST = [
  'GET /ws HTTP/1.1',
  'Host: suite',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n');

test.each(['end', 'resetAndDestroy'] as const)(
  'an attempt that the client gives up by %s is not accepted',
  async (how) => {
    const upgrades: Upgrade[] = [];
    const host = await Host.start(
      () => 0,
      (upgrade) => upgrades.push(upgrade),
    );
    onTestFinished(() => host.stop());
    const socket = connect(Number(new URL(host.url).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    socket.write(REQUEST);
    await vi.waitFor(() => expect(upgrades).toHaveLength(1));
    expect(upgrades[0]?.isPending()).toBe(true);
    socket[how]();
    await vi.waitFor(() => expect(upgrades[0]?.isPending()).toBe(false));
  },
);
