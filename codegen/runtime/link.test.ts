import { describe, expect, test } from 'vitest';
import { Link } from './link.ts';
import type { LinkEnd, WebSocketEvent, WebSocketLike } from './link.ts';
import type { Frame } from './wire.ts';

/** A socket without a network: the test is the peer. */
class ScriptedSocket implements WebSocketLike {
  static last: ScriptedSocket;
  readonly sent: string[] = [];
  readonly closes: (number | undefined)[] = [];
  readonly #listeners = new Map<string, (event: WebSocketEvent) => void>();

  constructor() {
    ScriptedSocket.last = this;
  }

  send(data: string): void {
    this.sent.push(data);
  }

  close(code?: number): void {
    this.closes.push(code);
  }

  addEventListener(type: string, listener: (event: WebSocketEvent) => void): void {
    this.#listeners.set(type, listener);
  }

  fire(type: string, event: Omit<WebSocketEvent, 'type'> = {}): void {
    this.#listeners.get(type)?.({ type, ...event });
  }
}

function open(): { link: Link; socket: ScriptedSocket; frames: Frame[]; ends: LinkEnd[] } {
  const frames: Frame[] = [];
  const ends: LinkEnd[] = [];
  const link = new Link(
    { WebSocket: ScriptedSocket, url: 'ws://x', subprotocol: 'p', openTimeoutMs: 5_000, silentIntervals: 2.5 },
    {
      onOpen: () => undefined,
      onFrame: (frame) => frames.push(frame),
      onInvalid: () => undefined,
      onEnd: (end) => ends.push(end),
    },
  );
  ScriptedSocket.last.fire('open');
  return { link, socket: ScriptedSocket.last, frames, ends };
}

const EVENT = JSON.stringify({ type: 'event', data: {} });

describe('a link', () => {
  test('that was dropped forwards nothing more, although its socket still receives', () => {
    const { link, socket, frames, ends } = open();
    socket.fire('message', { data: EVENT });
    link.giveUp('silence');
    socket.fire('message', { data: EVENT });
    socket.fire('close', { code: 1000, reason: 'at last' });
    expect([frames.length, link.events]).toEqual([1, 1]);
    expect(ends).toEqual([{ code: 1006, reason: 'silence', closing: undefined }]);
  });

  test('closes with codes that a WHATWG client may use', () => {
    const given = open();
    given.link.giveUp('silence');
    const closed = open();
    void closed.link.close(10);
    expect([...given.socket.closes, ...closed.socket.closes]).toEqual([3001, 1000]);
  });

  test('that the client closed reports nothing, and waits for the peer for a limited time', async () => {
    const { link, socket, ends } = open();
    await link.close(5);
    socket.fire('close', { code: 1000, reason: '' });
    expect(ends).toEqual([]);
  });

  test('sends nothing before it is open or after its end', () => {
    const { link, socket } = open();
    link.giveUp('silence');
    link.send({ type: 'ping', data: {} });
    expect(socket.sent).toEqual([]);
  });
});
