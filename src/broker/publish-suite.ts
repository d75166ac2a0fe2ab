/** The tests of the broker suite that concern a publish: positions, the encoding of an event, and idempotency keys. */
import { describe, expect, test, vi } from 'vitest';
import type { OpenBroker } from './history-suite.ts';
import { draftOf, publishEach, upTo } from './testing/event-drafts.ts';

export function publishSuite(open: OpenBroker): void {
  publishTests(open);
  encodingTests(open);
  idempotencyTests(open);
}

function publishTests(open: OpenBroker): void {
  describe('a publish', () => {
    test('numbers the events of each stream from 1 without holes (STR-2)', async () => {
      const { broker } = await open();
      const numbers: number[] = [];
      for (const stream of ['main', 'main', 'workspace:a', 'main', 'session:s', 'workspace:a']) {
        const { sequenceId } = await broker.publish(draftOf({ stream }));
        numbers.push(sequenceId);
      }
      expect(numbers).toEqual([1, 2, 1, 3, 1, 2]);
    });

    test('delivers in order and without holes under concurrent publishes', async () => {
      const { broker, listener } = await open();
      await broker.attach('main');
      const results = await Promise.all(upTo(500).map(() => broker.publish(draftOf())));
      await broker.sync('main');
      expect(listener.sequenceIds('main')).toEqual(upTo(500));
      expect(new Set(results.map((result) => result.sequenceId)).size).toBe(500);
      expect(new Set(results.map((result) => result.eventId)).size).toBe(500);
    });

    test('returns the position that the subscribers see', async () => {
      const { broker, listener } = await open();
      await broker.attach('main');
      const result = await broker.publish(draftOf());
      await broker.sync('main');
      const record = listener.events[0];
      expect(result).toEqual({
        stream: 'main',
        epoch: record?.epoch,
        sequenceId: 1,
        eventId: record?.eventId,
        duplicate: false,
      });
      expect(record?.eventId).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
    });

    test('stamps an emittedAt that never decreases (STR-4)', async () => {
      const { broker, listener } = await open();
      await broker.attach('main');
      await publishEach(
        broker,
        upTo(200).map(() => draftOf()),
      );
      await broker.sync('main');
      const stamps = listener.events.map((record) => record.emittedAt);
      expect(stamps).toEqual(stamps.toSorted());
      expect(stamps[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    });
  });
}

function encodingTests(open: OpenBroker): void {
  describe('the encoding of an event', () => {
    test('is the shared tail of the event message, with its members in the order of EVT-1', async () => {
      const { broker, listener } = await open();
      await broker.attach('main');
      const payload = { text: 'naïve "日本" \u2028\n', deep: { list: [1, null, true, { a: [] }] }, 'odd key': 1e-7 };
      await broker.publish(draftOf({ payload, source: { name: 'ci "x"', principal: 'key:ci' } }));
      await broker.sync('main');
      const record = listener.events[0];
      if (record === undefined) throw new Error('nothing was delivered');
      const { body, bytes, weight, ...fields } = record;
      const parsed: Record<string, unknown> = JSON.parse(`{${body}}`);
      expect(Object.keys(parsed)).toEqual([
        'stream',
        'epoch',
        'sequenceId',
        'eventId',
        'event',
        'emittedAt',
        'source',
        'payload',
      ]);
      expect(parsed).toEqual(fields);
      expect(fields.payload).toEqual(payload);
      expect(bytes).toBe(Buffer.byteLength(body));
      expect(weight).toBeGreaterThan(2 * bytes);
    });

    test('uses up no sequenceId if the payload cannot be encoded', async () => {
      const { broker } = await open();
      await expect(broker.publish(draftOf({ payload: { big: 1n } }))).rejects.toThrow(TypeError);
      expect((await broker.publish(draftOf())).sequenceId).toBe(1);
    });
  });
}

function idempotencyTests(open: OpenBroker): void {
  describe('an idempotency key', () => {
    test('returns the first result and publishes nothing, even for concurrent publishes (BRD-1)', async () => {
      const { broker, listener } = await open();
      await broker.attach('main');
      const draft = draftOf({ idempotencyKey: 'run 88/billing' });
      const [first, second] = await Promise.all([broker.publish(draft), broker.publish(draft)]);
      const third = await broker.publish({ ...draft, payload: { other: true } });
      expect(second).toEqual({ ...first, duplicate: true });
      expect(third).toEqual({ ...first, duplicate: true });
      await broker.sync('main');
      expect(listener.events).toHaveLength(1);
    });

    test('is independent of the same key of another principal or on another stream', async () => {
      const { broker } = await open();
      const draft = draftOf({ idempotencyKey: 'k' });
      const results = [
        await broker.publish(draft),
        await broker.publish({ ...draft, stream: 'workspace:a' }),
        await broker.publish({ ...draft, source: { name: 'test', principal: 'user:ben' } }),
      ];
      expect(results.map((result) => result.duplicate)).toEqual([false, false, false]);
    });

    test('is forgotten after idempotencyWindowMs', async () => {
      const { broker } = await open({ idempotencyWindowMs: 60 });
      const draft = draftOf({ idempotencyKey: 'k' });
      await broker.publish(draft);
      await vi.waitFor(async () => expect((await broker.publish(draft)).duplicate).toBe(false), 2_000);
    });
  });
}
