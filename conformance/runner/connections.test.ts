import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../target/config.ts';
import { serveOpen } from '../testing/processes.ts';
import type { Served } from '../testing/processes.ts';
import { Connection } from './connection.ts';
import { openTarget } from './run.ts';

describe('the connections of a run', () => {
  let gateway: Served;
  beforeAll(async () => {
    gateway = await serveOpen();
  });
  afterAll(() => gateway.stop());

  test('are cut at the end of the run, even a connection that opens later', async () => {
    const { context, close } = await openTarget({ config: readConfig({ url: gateway.url }), timeScale: 1 });
    const options = { actor: 'a', spec: {}, check: 'test', timeoutMs: 5000 };
    const early = new Connection(context, options);
    await early.open(options);
    expect(early.isOpen).toBe(true);
    close();
    const late = new Connection(context, options);
    await late.open(options);
    for (const connection of [early, late]) {
      await connection.signal.until(() => connection.closed, options.timeoutMs);
      expect(connection.isOpen).toBe(false);
    }
  });
});
