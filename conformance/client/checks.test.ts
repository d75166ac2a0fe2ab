import { describe, expect, test } from 'vitest';
import { Trace } from '../trace/trace.ts';
import type { NewFrame } from '../trace/trace.ts';
import { CLIENT_CHECKS } from './checks.ts';

type Line = Pick<NewFrame, 'dir' | 'kind' | 'text'>;

interface Where {
  readonly stream?: string;
  readonly epoch?: string;
}

function eventOf(sequenceId: number, { stream = 'main', epoch = 'first-epoch' }: Where): object {
  return { subscriptionIds: ['s1'], stream, epoch, sequenceId };
}

/** The suite sends an event for the subscription s1. */
function sent(sequenceId: number, where: Where = {}): Line {
  return { dir: '<<', kind: 'text', text: JSON.stringify({ type: 'event', data: eventOf(sequenceId, where) }) };
}

/** The program reports an event of the subscription s1. */
function reported(sequenceId: number, where: Where = {}): Line {
  const notice = { notice: 'event', subscription: 's1', event: eventOf(sequenceId, where) };
  return { dir: '>>', kind: 'mark', text: JSON.stringify(notice) };
}

/** What the check of the order finds in a trace. */
function faultsOf(...lines: readonly Line[]): readonly string[] {
  const trace = new Trace({ trace: 1, startedAt: '', target: '' }, () => 0);
  for (const line of lines) trace.add({ actor: 'client', check: 'x/y', connection: 1, ...line });
  const check = CLIENT_CHECKS.find(({ id }) => id === 'invariants/handed-over-in-order');
  return check?.judge(trace).violations.map(({ text }) => text) ?? ['there is no such check'];
}

describe('an event that is handed over after a newer one', () => {
  test('is a fault if it was sent before the newer one', () => {
    const swapped = faultsOf(sent(11), sent(12), sent(13), reported(11), reported(13), reported(12));
    expect(swapped).toEqual([
      'the event at main first-epoch 12 is handed over after event 13, but was sent before that event',
    ]);
    expect(faultsOf(sent(11), sent(12), reported(12), reported(11))).toHaveLength(1);
  });

  test('is no fault if it was lost on the way and sent again', () => {
    expect(
      faultsOf(sent(11), sent(13), reported(11), reported(13), sent(12), reported(12), sent(14), reported(14)),
    ).toEqual([]);
  });

  test('is no fault if it belongs to a picture that was sent later', () => {
    const first = [sent(5), sent(21), reported(5), reported(21)];
    expect(faultsOf(...first, sent(5), sent(21), sent(30), reported(5), reported(21), reported(30))).toEqual([]);
    expect(faultsOf(...first, sent(5), sent(21), sent(30), reported(5), reported(30), reported(21))).toHaveLength(1);
  });

  test('is no fault if the newer one is of another stream', () => {
    const other = { stream: 'session:a' };
    expect(faultsOf(sent(11), sent(12, other), reported(12, other), reported(11))).toEqual([]);
  });

  test('is a fault if the newer one is of a later epoch', () => {
    const later = { epoch: 'second-epoch' };
    expect(faultsOf(sent(11), sent(12), sent(1, later), reported(11), reported(12), reported(1, later))).toEqual([]);
    expect(faultsOf(sent(11), sent(12), sent(1, later), reported(11), reported(1, later), reported(12))).toHaveLength(
      1,
    );
  });

  test('is no fault if the client restores the order that the server broke', () => {
    expect(faultsOf(sent(12), sent(11), reported(11), reported(12))).toEqual([]);
    expect(faultsOf(sent(12), sent(11), reported(12), reported(11))).toEqual([]);
  });
});
