/** A gateway with slow readers, in thousands of random schedules. Also checks that the simulator finds planted faults. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Connection } from '../connections/connection.ts';
import { Outbox } from '../delivery/outbox.ts';
import { WEBSOCKET_FRAMING } from '../wire/websocket-framing.ts';
import { firstViolation } from '../testing/slow-readers/schedule.ts';

const SCHEDULES = 2000;

afterEach(() => vi.restoreAllMocks());

test(`in ${SCHEDULES} schedules of slow readers, order is kept, heartbeats are correct and no resume loses an event`, async () => {
  expect(await firstViolation(SCHEDULES)).toBeUndefined();
});

// oxlint-disable-next-line typescript/unbound-method -- each is called on an outbox below
const { push, pushEvent, pushInOrder, pushReplay, unwritten } = Outbox.prototype;

function overtaking(type: string): void {
  vi.spyOn(Outbox.prototype, 'pushInOrder').mockImplementation(function (this: Outbox, frame, options = {}) {
    if (!frame.includes(`{"type":"${type}"`)) return pushInOrder.call(this, frame, options);
    options.onWritten?.();
    push.call(this, frame);
  });
}

/** Plants a fault: the end of a replay is sent before the events of the replay. */
function overtakingEnd(): void {
  vi.spyOn(Outbox.prototype, 'pushReplay').mockImplementation(function (this: Outbox, replay) {
    const items = [...{ [Symbol.iterator]: () => replay.items }];
    const isEnd = (item: (typeof items)[number]): boolean =>
      item !== undefined && 'type' in item && item.type === 'replay_complete';
    for (const item of items)
      if (item !== undefined && 'type' in item && isEnd(item)) push.call(this, WEBSOCKET_FRAMING.message(item));
    pushReplay.call(this, { ...replay, items: items.filter((item) => !isEnd(item))[Symbol.iterator]() });
  });
}

/** For each planted fault, the rules whose violation shows it. */
const FAULTS: Readonly<Record<string, { readonly rules: readonly string[]; readonly plant: () => void }>> = {
  'a heartbeat that reports the head although events are queued': {
    rules: ['position', 'resume'],
    plant: () => vi.spyOn(Outbox.prototype, 'unwritten').mockReturnValue(new Map()),
  },
  'a heartbeat that checks only the first queued message': {
    rules: ['position', 'resume'],
    plant: () =>
      vi.spyOn(Outbox.prototype, 'unwritten').mockImplementation(function (this: Outbox) {
        return new Map([...unwritten.call(this)].slice(0, 1));
      }),
  },
  'a heartbeat that is one event ahead': {
    rules: ['position', 'resume'],
    plant: () =>
      vi.spyOn(Outbox.prototype, 'unwritten').mockImplementation(function (this: Outbox) {
        return new Map(
          [...unwritten.call(this)].map(([stream, { epoch, sequenceId }]) => [
            stream,
            { epoch, sequenceId: sequenceId + 1 },
          ]),
        );
      }),
  },
  'a heartbeat that does not wait for a queued gap': {
    rules: ['position', 'resume'],
    plant: () =>
      vi.spyOn(Outbox.prototype, 'pushInOrder').mockImplementation(function (this: Outbox, frame, { onWritten } = {}) {
        pushInOrder.call(this, frame, onWritten === undefined ? {} : { onWritten });
      }),
  },
  'a position of a stream before its `subscribed` message': {
    rules: ['named'],
    plant: () =>
      vi.spyOn(Outbox.prototype, 'pushInOrder').mockImplementation(function (this: Outbox, frame, options = {}) {
        options.onWritten?.();
        pushInOrder.call(this, frame, options);
      }),
  },
  'a heartbeat that counts queued events': {
    rules: ['delivered'],
    plant: () =>
      vi.spyOn(Connection.prototype, 'delivered', 'get').mockImplementation(function (this: Connection) {
        return this.outbox.delivered + this.queuedMessages;
      }),
  },
  'an event that is dropped while another is queued': {
    rules: ['whole', 'resume'],
    plant: () => {
      vi.spyOn(Outbox.prototype, 'pushEvent').mockImplementation(function (this: Outbox, event) {
        if (this.queuedMessages < 3) pushEvent.call(this, event);
      });
    },
  },
  ...Object.fromEntries(
    ['subscribed', 'unsubscribed', 'authenticated', 'synced', 'subscription_closed', 'gap'].map((type) => [
      `${type} that overtakes`,
      { rules: ['order', 'life', 'barrier'], plant: () => overtaking(type) },
    ]),
  ),
  'a replay_complete that is sent before the replayed events': {
    rules: ['order', 'life', 'barrier'],
    plant: overtakingEnd,
  },
};

describe('the simulator finds', () => {
  test.each(Object.entries(FAULTS))('%s', async (_name, { rules, plant }) => {
    plant();
    const violation = await firstViolation(500);
    expect(violation?.found.map(({ rule }) => rule)).toEqual(expect.arrayContaining([expect.toBeOneOf([...rules])]));
  });
});
