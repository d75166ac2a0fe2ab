import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SubscriptionReport, SubscriptionsPage } from '../../generated/types.ts';
import type { NodeAnswers } from '../broker/broker.ts';
import { TurnBudget } from '../session/turn-budget.ts';
import { orderKey } from './subscriptions-page.ts';
import type { SubscriptionQuery } from './subscriptions-page.ts';
import { answerPageRequest, joinPages, clusterPage } from './cluster-page.ts';
import type { ClusterPageOptions } from './cluster-page.ts';

const slices = { turn: new TurnBudget(10), client: 'a client', onSlice: () => undefined };

function report(connectionId: string, filter: SubscriptionReport['filter'] = {}): SubscriptionReport {
  const time = '2026-01-01T00:00:00.000Z';
  return {
    subscriptionId: 's',
    connectionId,
    nodeId: 'n',
    principal: 'anonymous',
    stream: 'main',
    events: ['*'],
    filter,
    createdAt: time,
    lastActivityAt: time,
    delivered: 0,
    replay: { mode: 'none', count: 0 },
    lag: 0,
    queuedBytes: 0,
    oldestQueuedMs: 0,
    gaps: 0,
    slow: false,
  };
}

/** The page that a node with these subscriptions would return. */
function pageOf(
  reports: readonly SubscriptionReport[],
  { cursor = '', limit = 100 }: SubscriptionQuery,
): SubscriptionsPage {
  const rest = reports.filter((each) => orderKey(each) > cursor);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    total: reports.length,
    aggregates: {
      directories: {},
      extensions: {},
      changeTypes: {},
      events: { '*': reports.length },
      replayPressure: { replaying: 1, replayedEvents: 2 },
    },
    partial: false,
    missingNodes: [],
    ...(last === undefined || items.length === rest.length ? {} : { nextCursor: orderKey(last) }),
  };
}

/** A node with these subscriptions. */
function nodeWith(reports: readonly SubscriptionReport[]): Omit<ClusterPageOptions, 'broker'> {
  return { introspection: { page: (query) => Promise.resolve(pageOf(reports, query)) }, slices };
}

describe('pages of several nodes', () => {
  test('joined page by page contain every subscription once and in order, wherever each node cuts its own pages', () => {
    const nodes = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 999 }), { maxLength: 12 }), { maxLength: 4 });
    fc.assert(
      fc.property(nodes, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), (numbers, limit, cut) => {
        const reports = numbers.map((list, node) =>
          list
            .map((n) => report(`${String(n).padStart(3, '0')}.${node}`))
            .toSorted((a, b) => (orderKey(a) < orderKey(b) ? -1 : 1)),
        );
        const seen: string[] = [];
        for (let cursor: string | undefined = ''; cursor !== undefined;) {
          const query: SubscriptionQuery = { cursor, limit: Math.min(limit, cut) };
          const page: SubscriptionsPage = joinPages(
            reports.map((list) => pageOf(list, query)),
            { limit, missing: [] },
          );
          expect(page.total).toBe(reports.flat().length);
          expect(page.nextCursor === undefined || page.items.length > 0).toBe(true);
          seen.push(...page.items.map(orderKey));
          cursor = page.nextCursor;
        }
        expect(seen).toEqual(reports.flat().map(orderKey).toSorted());
      }),
    );
  });

  test('have the totals of all nodes, and name the missing nodes', async () => {
    const own = [report('a'), report('c')];
    const theirs = [report('b')];
    const page = await clusterPage(
      {
        broker: {
          askNodes: async (question) => {
            const answer = (await answerPageRequest(question, nodeWith(theirs))) ?? '';
            return { answers: [{ node: 'other', answer }], missing: ['third'] };
          },
        },
        ...nodeWith(own),
      },
      { limit: 2 },
    );
    expect(page.items.map(({ connectionId }) => connectionId)).toEqual(['a', 'b']);
    expect(page).toMatchObject({ total: 3, partial: true, missingNodes: ['third'], nextCursor: 'b/s' });
    expect(page.aggregates).toMatchObject({ events: { '*': 3 }, replayPressure: { replaying: 2, replayedEvents: 4 } });
  });

  test('are requested from no other node if the client disconnected during the work of this node', async () => {
    const asked: string[] = [];
    const askNodes = (question: string): Promise<NodeAnswers> => {
      asked.push(question);
      return Promise.resolve({ answers: [], missing: [] });
    };
    const state = { isCancelled: false };
    const introspection = {
      page: (query: SubscriptionQuery) => Promise.resolve(pageOf([], query)).finally(() => (state.isCancelled = true)),
    };
    await clusterPage(
      { broker: { askNodes }, introspection, slices: { ...slices, isCancelled: () => state.isCancelled } },
      {},
    );
    expect(asked).toEqual([]);
  });
});

describe('the answer to a page request', () => {
  test('is cut to the size of one message, and reports that more follows', async () => {
    const wide = { paths: Array.from({ length: 64 }, (_, index) => `${index}/${'x'.repeat(250)}`) };
    const reports = Array.from({ length: 200 }, (_, index) => report(String(index).padStart(4, '0'), wide));
    const question = JSON.stringify({ ask: 'subscriptions', query: { limit: 200 } });
    const answer = await answerPageRequest(question, nodeWith(reports));
    expect(answer?.length).toBeLessThan(1024 * 1024);
    const page = JSON.parse(answer ?? '') as SubscriptionsPage;
    expect(page.items.length).toBeGreaterThan(20);
    expect(page.nextCursor).toBeDefined();
  });

  test('is undefined if the question is of another version', () => {
    expect(answerPageRequest('{"ask":"weather"}', nodeWith([]))).toBeUndefined();
  });
});
