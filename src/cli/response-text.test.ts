import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { readText } from './response-text.ts';

const MAXIMUM = 1000;

/** The response of a server that sends this text, and then ends the response. Without a text, it sends without an end. */
async function responseOf(
  text?: string,
): Promise<{ readonly body: Response['body']; readonly closed: Promise<unknown> }> {
  const closed = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    response.on('close', () => closed.resolve());
    if (text !== undefined) {
      response.end(text);
      return;
    }
    const write = (): void => {
      while (response.write('x'.repeat(100)));
    };
    response.on('drain', write);
    write();
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { body } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return { body, closed: closed.promise };
}

test('a response up to the maximum is read', async () => {
  for (const text of ['', 'é', 'x'.repeat(MAXIMUM)])
    expect(await readText((await responseOf(text)).body, MAXIMUM)).toBe(text);
});

test('a longer response is not read to its end, and its connection is closed', async () => {
  expect(await readText((await responseOf('x'.repeat(MAXIMUM + 1))).body, MAXIMUM)).toBeUndefined();
  const { body, closed } = await responseOf();
  expect(await readText(body, MAXIMUM)).toBeUndefined();
  await closed;
});
