import { describe, expect, test } from 'vitest';
import { Cursor } from './cursor.ts';

const at = (sequenceId: number, epoch = 'e1'): { epoch: string; sequenceId: number } => ({ epoch, sequenceId });
const FRESH = { attempted: false, recovered: false };
const RECOVERED = { attempted: true, recovered: true };
const FAILED = { attempted: true, recovered: false };

function liveAt(sequenceId: number): Cursor {
  const cursor = new Cursor();
  cursor.start({ position: at(sequenceId), asked: 'none', recovery: FRESH });
  return cursor;
}

describe('the position', () => {
  test('is undefined during a warm replay, because a resume from the middle of it would miss the rest', () => {
    const cursor = new Cursor();
    cursor.start({ position: at(9), asked: 'warm', recovery: FRESH });
    cursor.accept(at(3));
    expect(cursor.position).toBeUndefined();
    cursor.complete(at(9));
    expect(cursor.position).toEqual(at(9));
  });

  test('moves with each event of a resume replay, and of live delivery', () => {
    const cursor = new Cursor(at(3));
    cursor.start({ position: at(9), asked: 'resume', recovery: RECOVERED });
    expect(cursor.position).toEqual(at(3));
    cursor.accept(at(5));
    expect(cursor.position).toEqual(at(5));
    cursor.complete(at(9));
    cursor.accept(at(11));
    expect(cursor.position).toEqual(at(11));
  });

  test('moves with heartbeats when no event matches the filter', () => {
    const cursor = liveAt(4);
    cursor.heartbeat(at(400));
    expect(cursor.position).toEqual(at(400));
    cursor.heartbeat(at(7));
    expect(cursor.position).toEqual(at(400));
  });
});

describe('duplicates', () => {
  test('a warm replay that is repeated after a lost connection yields only what is missing', () => {
    const cursor = new Cursor();
    cursor.start({ position: at(9), asked: 'warm', recovery: FRESH });
    cursor.accept(at(3));
    cursor.accept(at(5));
    cursor.start({ position: at(12), asked: 'warm', recovery: FRESH });
    expect([3, 5, 8].map((n) => cursor.accept(at(n)).fresh)).toEqual([false, false, true]);
  });

  test('after a failed resume every replayed event is new again', () => {
    const cursor = new Cursor(at(3));
    const gap = cursor.start({ position: at(90), asked: 'resume', recovery: FAILED });
    expect(gap).toBeUndefined();
    expect(cursor.position).toBeUndefined();
    expect(cursor.accept(at(2)).fresh).toBe(true);
  });

  test('are recognised by number after any number of heartbeats', () => {
    const cursor = liveAt(0);
    for (let n = 1; n <= 20; n += 1) {
      expect(cursor.accept(at(n)).fresh).toBe(true);
      if (n % 3 === 0) cursor.prove();
      expect(cursor.accept(at(n)).fresh).toBe(false);
      expect(cursor.accept(at(1)).fresh).toBe(false);
    }
  });
});

describe('a change of epoch', () => {
  test('that the server announced is not reported by the client', () => {
    const cursor = liveAt(4);
    cursor.skip(at(4), at(0, 'e2'));
    expect(cursor.position).toEqual(at(0, 'e2'));
    expect(cursor.accept(at(1, 'e2'))).toEqual({ fresh: true });
  });

  test('that the server did not announce is reported by the client', () => {
    const cursor = liveAt(4);
    expect(cursor.accept(at(3, 'e2'))).toEqual({
      fresh: true,
      gap: { reason: 'epoch_changed', from: at(4), to: at(2, 'e2') },
    });
    expect(cursor.position).toEqual(at(3, 'e2'));
  });

  test('takes effect after the events of the old epoch that the gap has overtaken', () => {
    const cursor = liveAt(4);
    cursor.skip(at(6), at(0, 'e2'));
    expect(cursor.accept(at(5))).toEqual({ fresh: true });
    expect(cursor.position).toEqual(at(5));
    expect(cursor.accept(at(6))).toEqual({ fresh: true });
    expect(cursor.accept(at(1, 'e2'))).toEqual({ fresh: true });
  });

  test('between connections that the server does not announce is reported by the client', () => {
    const cursor = liveAt(4);
    expect(cursor.start({ position: at(2, 'e2'), asked: 'resume', recovery: RECOVERED })).toEqual({
      reason: 'epoch_changed',
      from: at(4),
      to: at(2, 'e2'),
    });
  });
});

describe('a gap within an epoch', () => {
  test('moves the position past the lost events', () => {
    const cursor = liveAt(4);
    cursor.skip(at(4), at(9));
    expect(cursor.position).toEqual(at(9));
  });

  test('that has overtaken events does not move the position past them', () => {
    const cursor = liveAt(4);
    cursor.skip(at(6), at(9));
    expect(cursor.position).toEqual(at(4));
    cursor.accept(at(10));
    expect(cursor.position).toEqual(at(10));
  });

  test('during a replay does not move the position', () => {
    const cursor = new Cursor();
    cursor.start({ position: at(9), asked: 'warm', recovery: FRESH });
    cursor.skip(at(9), at(20));
    expect(cursor.position).toBeUndefined();
  });
});

describe('a loss in transit', () => {
  test('moves back to the last proven position, and delivers exactly the missing events', () => {
    const cursor = liveAt(0);
    cursor.accept(at(1));
    cursor.prove();
    cursor.accept(at(2));
    cursor.accept(at(4));
    cursor.rewind();
    expect(cursor.position).toEqual(at(1));
    cursor.start({ position: at(5), asked: 'resume', recovery: RECOVERED });
    expect([2, 3, 4, 5].map((n) => cursor.accept(at(n)).fresh)).toEqual([false, true, false, true]);
    expect(cursor.position).toEqual(at(5));
  });

  test('a proof during the repair does not hide events that are still missing', () => {
    const cursor = liveAt(0);
    for (const n of [1, 3, 5]) cursor.accept(at(n));
    cursor.rewind();
    cursor.start({ position: at(5), asked: 'resume', recovery: RECOVERED });
    cursor.accept(at(1));
    expect(cursor.accept(at(2)).fresh).toBe(true);
    cursor.prove();
    expect([3, 4, 5].map((n) => cursor.accept(at(n)).fresh)).toEqual([false, true, false]);
  });

  test('without a proven position is reported, and a warm replay is requested', () => {
    const cursor = new Cursor();
    cursor.start({ position: at(9), asked: 'warm', recovery: FRESH });
    cursor.complete(at(9));
    cursor.accept(at(11));
    cursor.rewind();
    expect(cursor.position).toBeUndefined();
    expect(cursor.start({ position: at(12), asked: 'warm', recovery: FRESH })).toEqual({
      reason: 'unproven',
      from: at(11),
      to: at(12),
    });
    expect(cursor.accept(at(11)).fresh).toBe(true);
  });

  test('after more events than the cursor can remember is reported too', () => {
    const cursor = liveAt(0);
    for (let n = 1; n <= 20_000; n += 1) cursor.accept(at(n));
    cursor.rewind();
    expect(cursor.position).toBeUndefined();
  });
});
