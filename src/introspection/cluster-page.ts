/**
 * Lists the subscriptions of all nodes in pages (OPS-2). The node that receives the request gets a page from each other node through the
 * broker, and merges these pages with its own page.
 */
import type { CountsByName, SubscriptionAggregates, SubscriptionsPage } from '../../generated/types.ts';
import type { Introspection } from './introspection.ts';
import { askOtherNodes } from './other-nodes.ts';
import type { OtherNodesOptions } from './other-nodes.ts';
import { DEFAULT_PAGE, orderKey } from './subscriptions-page.ts';
import type { SubscriptionQuery } from './subscriptions-page.ts';

interface PageRequest {
  readonly ask: 'subscriptions';
  readonly query: SubscriptionQuery;
}

export interface ClusterPageOptions extends OtherNodesOptions {
  readonly introspection: Pick<Introspection, 'page'>;
}

/**
 * The maximum number of characters in the answer of a node, which is one message in Redis. If a page is larger, the answer contains fewer
 * items, and the other items follow on later pages.
 */
const MAX_ANSWER_CHARACTERS = 1024 * 1024;

/** Answers the request of another node with a page of this node. @returns undefined if this version does not know the request */
export function answerPageRequest(
  text: string,
  { introspection, slices }: Omit<ClusterPageOptions, 'broker'>,
): Promise<string> | undefined {
  const question = JSON.parse(text) as Partial<PageRequest>;
  if (question.ask !== 'subscriptions' || question.query === undefined) return undefined;
  return introspection.page(question.query, slices).then(answerOf);
}

function answerOf(page: SubscriptionsPage): string {
  for (let length = page.items.length; ; length = Math.ceil(length / 2)) {
    const answer = JSON.stringify(firstItems(page, length));
    if (answer.length <= MAX_ANSWER_CHARACTERS || length <= 1) return answer;
  }
}

function firstItems(page: SubscriptionsPage, length: number): SubscriptionsPage {
  const last = page.items[length - 1];
  if (last === undefined || length === page.items.length) return page;
  return { ...page, items: page.items.slice(0, length), nextCursor: orderKey(last) };
}

/** One page of the subscriptions of all nodes. */
export async function clusterPage(options: ClusterPageOptions, query: SubscriptionQuery): Promise<SubscriptionsPage> {
  const question: PageRequest = { ask: 'subscriptions', query };
  const here = await options.introspection.page(query, options.slices);
  const { answers, missing } = await askOtherNodes(question, options);
  const others = answers.map(({ answer }) => JSON.parse(answer) as SubscriptionsPage);
  return joinPages([here, ...others], { limit: query.limit ?? DEFAULT_PAGE, missing });
}

/** Merges the pages that several nodes returned for the same query. */
export function joinPages(
  pages: readonly SubscriptionsPage[],
  options: { readonly limit: number; readonly missing: readonly string[] },
): SubscriptionsPage {
  // If a node has more pages, the merged page must end at the last item of this node's page. Otherwise, it would skip the node's next
  // items.
  const bounds = pages.flatMap(({ nextCursor }) => (nextCursor === undefined ? [] : [nextCursor])).toSorted();
  const [bound] = bounds;
  const all = pages.flatMap(({ items }) => items).toSorted((a, b) => (orderKey(a) < orderKey(b) ? -1 : 1));
  const known = bound === undefined ? all : all.filter((each) => orderKey(each) <= bound);
  const items = known.slice(0, options.limit);
  const last = items.at(-1);
  const goesOn = bound !== undefined || items.length < all.length;
  return {
    items,
    total: sum(pages.map(({ total }) => total)),
    aggregates: joinAggregates(pages.map(({ aggregates }) => aggregates)),
    partial: options.missing.length > 0,
    missingNodes: [...options.missing],
    ...(last === undefined || !goesOn ? {} : { nextCursor: orderKey(last) }),
  };
}

function joinAggregates(parts: readonly SubscriptionAggregates[]): SubscriptionAggregates {
  return {
    directories: joinCounts(parts.map(({ directories }) => directories)),
    extensions: joinCounts(parts.map(({ extensions }) => extensions)),
    changeTypes: joinCounts(parts.map(({ changeTypes }) => changeTypes)),
    events: joinCounts(parts.map(({ events }) => events)),
    replayPressure: {
      replaying: sum(parts.map(({ replayPressure }) => replayPressure.replaying)),
      replayedEvents: sum(parts.map(({ replayPressure }) => replayPressure.replayedEvents)),
    },
  };
}

function joinCounts(parts: readonly CountsByName[]): CountsByName {
  const counts = new Map<string, number>();
  for (const [name, count] of parts.flatMap((part) => Object.entries(part))) {
    counts.set(name, (counts.get(name) ?? 0) + count);
  }
  return Object.fromEntries(counts);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
