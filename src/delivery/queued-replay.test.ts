import { expect, test } from 'vitest';
import type { EventSpec } from '../catalogue/catalogue.ts';
import { PendingEvents } from '../replay/pending-events.ts';
import { StreamMemory } from '../replay/stream-memory.ts';
import { recordAt } from '../replay/testing/records.ts';
import type { ReplayBlock } from '../session/session.ts';
import { WEBSOCKET_FRAMING } from '../wire/websocket-framing.ts';
import { QueuedReplay } from './queued-replay.ts';

function block(stream: string, from: number, to: number): ReplayBlock {
  const at = (sequenceId: number) => ({ stream, epoch: 'e', sequenceId });
  return { kind: 'block', frames: Buffer.alloc(600), events: to - from + 1, after: at(from - 1), last: at(to) };
}

test('a block that did not fit into the last chunk counts with the position before its first event (CON-7)', () => {
  const blocks = [block('a', 1, 7), block('b', 5, 9)];
  const replay = { after: undefined, prefix: '', reason: 'resume' as const, pending: [], items: blocks.values() };
  const queued = new QueuedReplay(replay, WEBSOCKET_FRAMING, 0);
  const take = () => queued.take({ room: 1_000, deadline: Infinity, now: () => 0 });
  const positions = (): string[] => [...queued.positions()].map(({ stream, sequenceId }) => `${stream}:${sequenceId}`);
  expect(take()).toMatchObject({ events: 7, done: false });
  expect(positions()).toEqual(['a:7', 'b:4']);
  expect(take()).toMatchObject({ events: 5, done: true });
  expect(positions()).toEqual(['b:9']);
});

test('only streams with unsent events are examined when the memory that a replay needs is counted, up to a limit', () => {
  const examined = new Set<number>();
  const pending = Array.from({ length: 100 }, (_, stream) => {
    class ObservedMemory extends StreamMemory {
      override dropped(specs?: ReadonlySet<EventSpec>): number {
        examined.add(stream);
        return super.dropped(specs);
      }
    }
    const memory = new ObservedMemory(1);
    memory.add(100);
    const each = new PendingEvents([[recordAt(1)]], memory);
    memory.close();
    return each;
  });
  const replay = { after: undefined, prefix: '', reason: 'resume' as const, pending, items: [].values() };
  const queued = new QueuedReplay(replay, WEBSOCKET_FRAMING, 0);
  for (const each of pending.slice(0, 50)) each.take();
  examined.clear();
  expect(queued.excessBytes(250)).toBe(300);
  expect([...examined]).toEqual([50, 51, 52]);
  expect(queued.excessBytes(Infinity)).toBe(5000);
});
