import { describe, expect, test } from 'vitest';
import type { EventRecord, PublishResult } from '../broker.ts';
import { recordFromDraft } from '../event-encoding.ts';
import { checkHistories, NodeHistory } from './history-checker.ts';

const event = (sequenceId: number, eventId = `id${sequenceId}`, epoch = 'e'): EventRecord =>
  recordFromDraft(
    { stream: 'main', epoch, sequenceId, eventId, event: 'x', emittedAtMs: 0 },
    { source: { name: 'test', principal: 'user:ana' }, payload: {} },
  );

const result = ({ epoch, sequenceId, eventId }: EventRecord): PublishResult => ({
  stream: 'main',
  epoch,
  sequenceId,
  eventId,
  duplicate: false,
});

function node(...events: readonly EventRecord[]): NodeHistory {
  const history = new NodeHistory('node');
  history.start = { epoch: 'e', sequenceId: 0 };
  for (const record of events) history.onEvent(record);
  return history;
}

describe('the history checker', () => {
  test('reports nothing for a contiguous history', () => {
    const report = checkHistories([node(event(1), event(2))], [result(event(1)), result(event(2))]);
    expect(report).toEqual({ violations: [], deliveredEverywhere: 2 });
  });

  test.each([
    ['a hole', [event(1), event(3)]],
    ['a duplicate', [event(1), event(1)]],
    ['a reorder', [event(2), event(1)]],
    ['another epoch', [event(1), event(1, 'other', 'f')]],
  ])('finds %s', (_, events) => {
    expect(checkHistories([node(...events)], []).violations).not.toEqual([]);
  });

  test('finds an acknowledged event that was never delivered, unless its loss was reported', () => {
    const silent = node(event(1));
    expect(checkHistories([silent], [result(event(2))]).violations).toEqual(['node silently lost e/2']);
    const from = { epoch: 'e', sequenceId: 1 };
    silent.onLoss({ stream: 'main', from, to: { epoch: 'e', sequenceId: 2 }, reason: 'broker_lost' });
    expect(checkHistories([silent], [result(event(2))]).violations).toEqual([]);
  });

  test('finds a loss that does not begin at the position of the node', () => {
    const history = node(event(1));
    const [from, to] = [5, 9].map((sequenceId) => ({ epoch: 'e', sequenceId }));
    if (from !== undefined && to !== undefined) history.onLoss({ stream: 'main', from, to, reason: 'broker_lost' });
    expect(checkHistories([history], []).violations).toHaveLength(1);
  });

  test('finds two events at one position, on two nodes', () => {
    const report = checkHistories([node(event(1)), node(event(1, 'other'))], []);
    expect(report.violations).toEqual(['two events have the position e/1']);
  });
});
