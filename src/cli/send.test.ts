/** `tidemark send` on a real gateway: it shows the frames as they are. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
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
