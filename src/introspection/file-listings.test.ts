import { afterEach, expect, test, vi } from 'vitest';
import { MemoryBroker } from '../broker/memory.ts';
import { stockCatalogue } from '../catalogue/catalogue.ts';
import { eventTable } from '../catalogue/event-table.ts';
import { resolveLimits } from '../options.ts';
import { FileListings } from './file-listings.ts';
import type { ListingPage } from './file-listings.ts';

afterEach(() => void vi.useRealTimers());

test('a listing counts as waiting until its source has answered, also if its request has timed out', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const limits = resolveLimits();
  const broker = new MemoryBroker({ limits, events: eventTable() });
  const listings = new FileListings({ nodeId: 'n', broker, limits, catalogue: stockCatalogue });
  const source = Promise.withResolvers<ListingPage>();
  let asked = 0;
  listings.add({
    stream: 'main',
    root: 'r',
    list: () => {
      asked += 1;
      return source.promise;
    },
  });
  const pages = Array.from({ length: 16 }, () => listings.page({ root: 'r' }));
  const timedOut = Promise.all(
    pages.map((each) => expect(each).rejects.toMatchObject({ code: 'broker_unavailable', retryable: true })),
  );
  await vi.advanceTimersByTimeAsync(10_000);
  await timedOut;
  await expect(listings.page({ root: 'r' })).rejects.toMatchObject({ code: 'rate_limited' });
  const position = { epoch: 'e', sequenceId: 1 };
  source.resolve({ entries: [], unread: [], next: undefined, position });
  expect(await vi.waitFor(() => listings.page({ root: 'r' }))).toMatchObject({ entries: [], position });
  expect(asked).toBe(17);
});
