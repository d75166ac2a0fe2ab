/**
 * Explains which subscriptions an event would match, and which condition of each other subscription is not met (OPS-3). Covers the
 * subscriptions of this node and, through the broker, of all other nodes.
 */
import type { ExplainMatch, ExplainMismatch, Explanation } from '../../generated/types.ts';
import type { Broker } from '../broker/broker.ts';
import { selects } from '../broker/stream-selectors.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Subscription } from '../session/subscription.ts';
import type { Matchable } from '../subscriptions/event-facts.ts';
import { explainMismatch } from '../subscriptions/filter.ts';

/** A hypothetical event, and which subscriptions to compare with it. */
export interface ExplainQuery {
  readonly stream: string;
  readonly event: Matchable;
  /** If present, only the subscriptions of this connection are compared. */
  readonly connectionId?: string;
}

export interface ExplanationOptions {
  readonly subscriptions: () => Iterable<Subscription>;
  readonly catalogue: Catalogue;
}

interface ExplainRequest {
  readonly ask: 'explain';
  readonly query: ExplainQuery;
}

/** Maximum number of items in each list of an explanation. The contract has the same number as `maxItems`. */
const MAX_ITEMS = 1000;
/** Maximum number of characters in a list; a longer list is cut. The answer of a node is one message in Redis, and filters can be long. */
const MAX_CHARACTERS = 512 * 1024;

/** Explains the event for the subscriptions of this node. */
function explainHere(query: ExplainQuery, options: ExplanationOptions): Explanation {
  const matches: ExplainMatch[] = [];
  const filtered: ExplainMismatch[] = [];
  const elsewhere: ExplainMismatch[] = [];
  for (const subscription of options.subscriptions()) {
    const { id: subscriptionId, session, selectors, events, filter } = subscription;
    const { connectionId } = session;
    if (query.connectionId !== undefined && connectionId !== query.connectionId) continue;
    const who = { connectionId, subscriptionId };
    if (!selects(selectors, query.stream)) {
      elsewhere.push({ ...who, clause: 'stream', wanted: [...selectors], seen: [query.stream] });
      continue;
    }
    const mismatch = explainMismatch({ events, filter }, query.event, options.catalogue);
    if (mismatch === undefined) matches.push(who);
    else filtered.push({ ...who, clause: mismatch.clause, wanted: [...mismatch.wanted], seen: [...mismatch.seen] });
  }
  const mismatches = [...filtered, ...elsewhere];
  return {
    matches: cut(matches),
    matchCount: matches.length,
    mismatches: cut(mismatches),
    mismatchCount: mismatches.length,
    partial: false,
    missingNodes: [],
  };
}

function cut<Item>(items: readonly Item[]): Item[] {
  let characters = 0;
  const end = items.findIndex((item) => (characters += JSON.stringify(item).length) > MAX_CHARACTERS);
  return items.slice(0, Math.min(end < 0 ? items.length : end, MAX_ITEMS));
}

/** Answers the request of another node with the explanation of this node. @returns undefined if this version does not know the request */
export function answerExplainRequest(text: string, options: ExplanationOptions): string | undefined {
  const question = JSON.parse(text) as Partial<ExplainRequest>;
  if (question.ask !== 'explain' || question.query === undefined) return undefined;
  return JSON.stringify(explainHere(question.query, options));
}

/** Explains the event for the subscriptions of all nodes. */
export async function explainEverywhere(
  query: ExplainQuery,
  options: ExplanationOptions & { readonly broker: Pick<Broker, 'askNodes'> },
): Promise<Explanation> {
  // This must run before the first `await`, so that the client is charged for the time of iterating over the subscriptions.
  const here = explainHere(query, options);
  const question: ExplainRequest = { ask: 'explain', query };
  const { answers, missing } = await options.broker.askNodes(JSON.stringify(question));
  const others = answers.map(({ answer }) => JSON.parse(answer) as Explanation);
  return joinExplanations([here, ...others], missing);
}

export function joinExplanations(parts: readonly Explanation[], missing: readonly string[]): Explanation {
  const mismatches = parts.flatMap((part) => part.mismatches);
  const isElsewhere = ({ clause }: ExplainMismatch): boolean => clause === 'stream';
  return {
    matches: cut(parts.flatMap((part) => part.matches)),
    matchCount: parts.reduce((sum, part) => sum + part.matchCount, 0),
    mismatches: cut([...mismatches.filter((each) => !isElsewhere(each)), ...mismatches.filter(isElsewhere)]),
    mismatchCount: parts.reduce((sum, part) => sum + part.mismatchCount, 0),
    partial: missing.length > 0,
    missingNodes: [...missing],
  };
}
