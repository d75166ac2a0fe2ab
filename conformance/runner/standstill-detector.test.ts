import { expect, test } from 'vitest';
import { exampleOf } from '../invariants/contract.ts';
import { sendJson, serveFailing } from '../testing/failing-server.ts';
import { HANDSHAKE_MARK } from '../trace/outstanding.ts';
import type { NewFrame } from '../trace/trace.ts';
import { openTarget } from './run.ts';
import { StandstillDetector } from './standstill-detector.ts';

const WELCOME = exampleOf('welcome');

/** A frame, and when it was recorded, in milliseconds after the server stopped. */
type Recorded = readonly [number, Pick<NewFrame, 'dir' | 'kind' | 'text'>];

const NOTES = Array.from({ length: 400 }, (): Recorded => [1, { dir: '>>', kind: 'mark', text: 'busy 1' }]);
const handshakeAt = (ms: number): Recorded => [
  ms,
  { dir: '>>', kind: 'mark', text: `${HANDSHAKE_MARK}: socket hang up` },
];

/** Stops a server after a ping that it has answered, and returns the texts of the frames that may have stopped the server. */
async function suspectsOf(...later: readonly Recorded[]): Promise<readonly string[]> {
  const server = await serveFailing({ onOpen: (socket) => sendJson(socket, WELCOME) });
  const config = {
    ...{ url: server.url, httpUrl: server.url.replace(/^ws/, 'http'), stimulus: { port: 'none' } as const },
    ...{ credentials: {}, control: {}, without: [], claims: [] },
  };
  const { context, close } = await openTarget({ config, timeScale: 0.05 });
  try {
    const began = context.now();
    await server.stop();
    const add = ([ms, frame]: Recorded, connection = 7): void => {
      context.trace.add({ actor: 'alice', connection, at: began + ms, ...frame });
    };
    add([0, { dir: '>>', kind: 'text', text: '{"type":"ping","id":"p","data":{}}' }]);
    add([0, { dir: '<<', kind: 'text', text: '{"type":"pong","id":"p","data":{}}' }]);
    add([0, { dir: '<<', kind: 'close', text: '{"code":1006,"reason":""}' }]);
    for (const each of later) add(each, 8);
    const found = await new StandstillDetector(context).look();
    return found?.suspects.map(({ text }) => text) ?? [];
  } finally {
    close();
  }
}

test('a handshake that fails when the server stops may have stopped it, however many frames come before', async () => {
  expect(await suspectsOf(...NOTES, handshakeAt(100))).toEqual([expect.stringContaining(HANDSHAKE_MARK)]);
});

test('a handshake that fails later has not stopped the server, however few frames come before', async () => {
  expect(await suspectsOf(handshakeAt(400))).toEqual([expect.stringContaining('"type":"ping"')]);
});
