import { describe, expect, test, vi } from 'vitest';
import type { FileChangePayload } from '../../generated/types.ts';
import { ProtocolError } from '../errors.ts';
import { FileFeed } from './file-feed.ts';
import type { FileFeedOptions } from './file-feed.ts';

const change = (path: string): FileChangePayload => ({ path, root: 'r', changeType: 'modify', fileType: 'file' });
const unavailable = (): ProtocolError => new ProtocolError('broker_unavailable', 'Redis is unavailable.');

/** A feed to a target that records what it accepts. While `fault` returns an error, the target rejects everything with this error. */
function feedTo(fault: () => Error | undefined, options: Partial<FileFeedOptions> = {}) {
  const taken: string[] = [];
  const keys: string[] = [];
  const warnings: string[] = [];
  const take = async (line: string): Promise<void> => {
    const error = fault();
    if (error !== undefined) throw error;
    taken.push(line);
  };
  const feed = new FileFeed({
    target: {
      publish: async ({ path }, key) => {
        keys.push(key);
        await take(path);
      },
      announceLoss: (paths) => take(`loss of ${paths.map((each) => each || '.').join()}`),
    },
    warn: (text) => void warnings.push(text),
    retryMs: [1, 4],
    ...options,
  });
  return { feed, taken, keys, warnings };
}

describe('a file feed', () => {
  test('keeps the order while the broker is unavailable, and retries with the same key', async () => {
    let refusals = 5;
    const { feed, taken, keys } = feedTo(() => ((refusals -= 1) >= 0 ? unavailable() : undefined));
    feed.publish(change('a'));
    feed.publish(change('b'));
    feed.loss(['src']);
    feed.publish(change('c'));
    await vi.waitUntil(() => feed.waiting === 0);
    expect(taken).toEqual(['a', 'b', 'loss of src', 'c']);
    expect(new Set(keys.slice(0, 6)).size).toBe(1);
    expect(new Set(keys).size).toBe(3);
  });

  test('reports changes as a loss when too many wait', async () => {
    let away = true;
    const { feed, taken, warnings } = feedTo(() => (away ? unavailable() : undefined), { capacity: 3 });
    for (const path of ['a', 'b', 'c', 'd', 'e']) feed.publish(change(path));
    away = false;
    await vi.waitUntil(() => feed.waiting === 0);
    expect(taken.slice(-2)).toEqual(['loss of .', 'e']);
    expect(warnings).toEqual([expect.stringContaining('3 file changes are waiting for the broker')]);
  });

  test('accepts a whole tree at once', async () => {
    const { feed, taken, warnings } = feedTo(() => undefined);
    const paths = Array.from({ length: 50_000 }, (_, n) => `f${n}`);
    for (const path of paths) feed.publish(change(path));
    await vi.waitUntil(() => feed.waiting === 0, 60_000);
    expect(taken).toEqual(paths);
    expect(warnings).toEqual([]);
  });

  test('reports a change that is refused permanently as a loss, and continues', async () => {
    let first = true;
    const { feed, taken, warnings } = feedTo(() => {
      const error = first ? new ProtocolError('payload_invalid', 'The path is too long.') : undefined;
      first = false;
      return error;
    });
    feed.publish(change('src/deep/a'));
    feed.publish(change('b'));
    await vi.waitUntil(() => feed.waiting === 0);
    expect(taken).toEqual(['loss of src/deep', 'b']);
    expect(warnings.join()).toMatch(/"src\/deep\/a" could not be published.*too long/);
  });

  test('runs a step that is added when no more changes can wait, after these changes', async () => {
    let away = true;
    const { feed, taken, warnings } = feedTo(() => (away ? unavailable() : undefined), { capacity: 2 });
    feed.publish(change('a'));
    feed.publish(change('b'));
    const finished = feed.step(async () => taken.push('step'));
    away = false;
    await finished;
    expect([taken, warnings]).toEqual([['a', 'b', 'step'], []]);
  });

  test('reports a loss after the steps that waited among the dropped changes', async () => {
    let away = true;
    const { feed, taken } = feedTo(() => (away ? unavailable() : undefined), { capacity: 4 });
    feed.publish(change('a'));
    const steps = [1, 2].map((n) => feed.step(async () => taken.push(`step ${n}`)));
    // The listing of a step does not include these changes. A client that continues after the listing must receive their loss.
    for (const path of ['b', 'c', 'd']) feed.publish(change(path));
    away = false;
    await Promise.all(steps);
    await vi.waitUntil(() => feed.waiting === 0);
    expect(taken.slice(taken.indexOf('step 1'))).toEqual(['step 1', 'step 2', 'loss of .', 'd']);
  });

  test('does not repeat a step that is running when changes are dropped', async () => {
    const { feed, taken } = feedTo(() => undefined, { capacity: 2 });
    const { promise: head, resolve } = Promise.withResolvers<number>();
    let runs = 0;
    const finished = feed.step(() => {
      runs += 1;
      return head;
    });
    await vi.waitUntil(() => runs === 1);
    for (const path of ['a', 'b', 'c']) feed.publish(change(path));
    resolve(7);
    expect(await finished).toBe(7);
    await vi.waitUntil(() => feed.waiting === 0);
    expect([runs, taken]).toEqual([1, ['loss of .']]);
  });

  test('hands on the error of a step, and continues', async () => {
    const { feed, taken } = feedTo(() => undefined);
    const failed = feed.step(() => Promise.reject(unavailable()));
    feed.publish(change('a'));
    await expect(failed).rejects.toThrow('Redis is unavailable.');
    await vi.waitUntil(() => feed.waiting === 0);
    expect(taken).toEqual(['a']);
  });

  test('rejects waiting and later steps when it is closed', async () => {
    const { feed, taken } = feedTo(unavailable);
    feed.publish(change('a'));
    const step = (): Promise<number> => feed.step(async () => taken.push('step'));
    const waiting = step();
    const closed = feed.close();
    for (const each of [waiting, step()]) await expect(each).rejects.toMatchObject({ code: 'broker_unavailable' });
    await closed;
    await expect(step()).rejects.toMatchObject({ code: 'broker_unavailable' });
    expect(taken).toEqual([]);
  });

  test('can be closed while it waits for the broker', async () => {
    const { feed, taken } = feedTo(unavailable, { retryMs: [60_000, 60_000] });
    feed.publish(change('a'));
    await feed.close();
    expect(taken).toEqual([]);
  });
});
