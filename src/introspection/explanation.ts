/**
 * Explains which subscriptions an event would match, and which condition of each other subscription is not met (OPS-3). Covers the
 * subscriptions of this node and, through the broker, of all other nodes.
 */
import type { ExplainMatch, ExplainMismatch, Explanation } from '../../generated/types.ts';
import { selects } from '../broker/stream-selectors.ts';
import type { Catalogue, Filter } from '../catalogue/catalogue.ts';
import { inSlices } from '../session/slices.ts';
import type { SliceOptions } from '../session/slices.ts';
import type { Subscription } from '../session/subscription.ts';
import type { Matchable } from '../subscriptions/event-facts.ts';
import { explainMismatch } from '../subscriptions/filter.ts';
import type { FilterSpec, Mismatch } from '../subscriptions/filter.ts';
import { askOtherNodes } from './other-nodes.ts';
import type { OtherNodesOptions } from './other-nodes.ts';

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
  /** A node may have many subscriptions, and each comparison compiles a filter. Therefore the work is divided into slices. */
  readonly slices: SliceOptions;
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
async function explainHere(query: ExplainQuery, options: ExplanationOptions): Promise<Explanation> {
  const here = new NodeExplanation(query, options.catalogue);
  await inSlices([...options.subscriptions()], options.slices, (each) => here.add(each));
  return here.result();
}

class NodeExplanation {
  readonly #query: ExplainQuery;
  readonly #catalogue: Catalogue;
  readonly #matches: ExplainMatch[] = [];
  readonly #filtered: ExplainMismatch[] = [];
  readonly #elsewhere: ExplainMismatch[] = [];
  #matchCount = 0;
  #mismatchCount = 0;
  /** The result for each filter. Subscriptions with equal events and filters share the object of the filter, so it is compared once. */
  readonly #compared = new Map<Filter, { readonly mismatch: Mismatch | undefined; readonly spec: FilterSpec }>();

  constructor(query: ExplainQuery, catalogue: Catalogue) {
    this.#query = query;
    this.#catalogue = catalogue;
  }

  add({ id: subscriptionId, session: { connectionId }, selectors, events, filter }: Subscription): void {
    const { stream, connectionId: only } = this.#query;
    if (only !== undefined && connectionId !== only) return;
    const who = { connectionId, subscriptionId };
    if (!selects(selectors, stream)) {
      this.#mismatchCount += 1;
      if (this.#elsewhere.length < MAX_ITEMS)
        this.#elsewhere.push({ ...who, clause: 'stream', wanted: [...selectors], seen: [stream] });
      return;
    }
    const mismatch = this.#compare({ events, filter });
    if (mismatch === undefined) {
      this.#matchCount += 1;
      if (this.#matches.length < MAX_ITEMS) this.#matches.push(who);
      return;
    }
    const { clause, wanted, seen } = mismatch;
    this.#mismatchCount += 1;
    if (this.#filtered.length < MAX_ITEMS)
      this.#filtered.push({ ...who, clause, wanted: [...wanted], seen: [...seen] });
  }

  #compare(spec: FilterSpec): Mismatch | undefined {
    const known = this.#compared.get(spec.filter);
    if (known?.spec.events === spec.events) return known.mismatch;
    const mismatch = explainMismatch(spec, this.#query.event, this.#catalogue);
    this.#compared.set(spec.filter, { mismatch, spec });
    return mismatch;
  }

  result(): Explanation {
    return {
      matches: cut(this.#matches),
      matchCount: this.#matchCount,
      mismatches: cut([...this.#filtered, ...this.#elsewhere]),
      mismatchCount: this.#mismatchCount,
      partial: false,
      missingNodes: [],
    };
  }
}

function cut<Item>(items: readonly Item[]): Item[] {
  let characters = 0;
  const end = items.findIndex((item) => (characters += JSON.stringify(item).length) > MAX_CHARACTERS);
  return items.slice(0, Math.min(end < 0 ? items.length : end, MAX_ITEMS));
}

/** Answers the request of another node with the explanation of this node. @returns undefined if this version does not know the request */
export function answerExplainRequest(text: string, options: ExplanationOptions): Promise<string> | undefined {
  const question = JSON.parse(text) as Partial<ExplainRequest>;
  if (question.ask !== 'explain' || question.query === undefined) return undefined;
  return explainHere(question.query, options).then((each) => JSON.stringify(each));
}

/** Explains the event for the subscriptions of all nodes. */
export async function explainEverywhere(
  query: ExplainQuery,
  options: ExplanationOptions & OtherNodesOptions,
): Promise<Explanation> {
  const question: ExplainRequest = { ask: 'explain', query };
  const here = await explainHere(query, options);
  const { answers, missing } = await askOtherNodes(question, options);
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
