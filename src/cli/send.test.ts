/** `tidemark send` on a real gateway, where it shows the frames as they are, and on servers that are not gateways. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../../generated/protocol.ts';
import { CliRunner } from '../testing/cli-process.ts';
import { serve } from '../testing/rig.ts';

const home = mkdtempSync(join(tmpdir(), 'tidemark-send-'));
const runner = new CliRunner(home);

afterEach(() => runner.close());
afterAll(() => rmSync(home, { recursive: true }));

async function send(message: string, ...argv: readonly string[]) {
  const { url } = await serve();
  const { code, stdout, stderr } = await runner.finish(['send', message, ...argv], { env: { TIDEMARK_URL: url } });
  const frames = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly type: string; readonly id?: string });
  return { code, frames: frames.map(({ type, id }) => [type, id]), stderr };
}

test('prints every frame until the reply to its message, whose id it adds if there is none', async () => {
  expect(await send('{"type":"ping","data":{}}')).toEqual({
    code: 0,
    frames: [
      ['welcome', undefined],
      ['pong', 'c1'],
    ],
    stderr: '',
  });
});

test('exits with 1 after an error, and with 4 if a scope or a valid credential is missing', async () => {
  const wrong = await send('{"type":"subscribe","id":"mine","data":{"events":"*"}}');
  expect([wrong.code, wrong.frames.at(-1)]).toEqual([1, ['error', 'mine']]);
  const forbidden = await send('{"type":"broadcast","data":{"event":"tick","payload":{}}}');
  expect([forbidden.code, forbidden.frames.at(-1)]).toEqual([4, ['error', 'c1']]);
});

test.each(['{"type":', '[]', '7'])('refuses %s with an example, and sends nothing', async (message) => {
  const { code, frames, stderr } = await send(message);
  expect([code, frames]).toEqual([2, []]);
  expect(stderr).toContain('such as {"type":"ping","data":{}}');
});

/** Starts a server that accepts the subprotocol, and then sends these frames. */
async function strangerThatSends(...frames: readonly (string | Buffer)[]): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => SUBPROTOCOL });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', (socket) => {
    for (const frame of frames) socket.send(frame);
  });
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`;
}

describe('a frame that no gateway sends', () => {
  test.each([
    ['not JSON', 'hello', 'the text "hello"'],
    ['empty', '', 'the text ""'],
    ['null', 'null', 'the text "null"'],
    ['a number', '7', 'the text "7"'],
    ['a list', '["pong"]', String.raw`the text "[\"pong\"]"`],
    ['without a type', '{"id":"c1"}', String.raw`the text "{\"id\":\"c1\"}"`],
    ['with a type that is not a string', '{"type":7,"id":"c1"}', 'expected a JSON object with a "type"'],
    ['long', '['.repeat(100_000), `the text "${'['.repeat(60)}…"`],
    ['an address with a password, cut', `${'['.repeat(50)} ws://ana:s3cret@h`, `the text "${'['.repeat(50)} ws://…@h"`],
    ['text for the title of a terminal', '\u001b]0;title\u0007', String.raw`the text "\u001b]0;title\u0007"`],
    ['text that reverses what follows', '\u009b\u202e', String.raw`the text "\u009b\u202e"`],
    ['binary', Buffer.from('{"type":"pong","id":"c1","data":{}}'), 'a binary frame'],
  ])('ends the command with an error that shows it: %s', async (_what, frame, shown) => {
    const url = await strangerThatSends('{"type":"welcome","data":{}}', frame, frame);
    const { code, stdout, stderr } = await runner.finish(['send', '{"type":"ping"}', '--follow', '--url', url]);
    expect([code, stdout]).toEqual([1, '{"type":"welcome","data":{}}\n']);
    expect(stderr).toMatch(/^ws:\S+ sent .*--url is the address of the WebSocket of a gateway\.\n$/);
    expect(stderr).toContain(shown);
  });

  test('as the data of an error ends the command with 1', async () => {
    const url = await strangerThatSends('{"type":"error","id":"c1","data":null}');
    expect(await runner.finish(['send', '{"type":"ping"}', '--url', url])).toMatchObject({ code: 1, stderr: '' });
  });
});
