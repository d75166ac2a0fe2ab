/**
 * Checks what the nodes of a test received: no loss without a report, no duplicate, the right order, and no position with two events.
 * It only relies on what {@link BrokerListener} promises, not on how a broker works.
 */
import type { BrokerHealth, BrokerListener, EventRecord, Position, PublishResult, StreamLoss } from '../broker.ts';

type Reported =
  { readonly kind: 'event'; readonly record: EventRecord } | { readonly kind: 'loss'; readonly loss: StreamLoss };

/** What one node received of one stream, from the position at which it attached the stream. */
export class NodeHistory implements BrokerListener {
  readonly name: string;
  readonly reported: Reported[] = [];
  readonly health: { readonly at: number; readonly connected: boolean }[] = [];
  start: Position | undefined;
  /**
   * The ids of the events that were acknowledged before this node attached the stream. If such an event has another epoch than `start`, the
   * node need not receive it.
   */
  joinedAfter: ReadonlySet<string> = new Set();

  constructor(name: string) {
    this.name = name;
  }

  get losses(): readonly StreamLoss[] {
    return this.reported.flatMap((item) => (item.kind === 'loss' ? [item.loss] : []));
  }

  get events(): readonly EventRecord[] {
    return this.reported.flatMap((item) => (item.kind === 'event' ? [item.record] : []));
  }

  onEvent(record: EventRecord): void {
    if (this.start !== undefined) this.reported.push({ kind: 'event', record });
  }

  onLoss(loss: StreamLoss): void {
    if (this.start !== undefined) this.reported.push({ kind: 'loss', loss });
  }

  onUnnamedLoss(): void {
    // Ignored: the checker follows no streams.
  }

  onSourceLoss(): void {
    // Ignored: a source loss is not part of the sequence of events.
  }

  onEnded(): void {
    // Ignored: the checker follows no streams.
  }

  onQuestion(question: string): string {
    return `${question}, ${this.name}`;
  }

  get nodeId(): string {
    return this.name;
  }

  onHealth({ connected }: BrokerHealth): void {
    this.health.push({ at: performance.now(), connected });
  }
}

export interface HistoryReport {
  readonly violations: readonly string[];
  /** Number of acknowledged events that all nodes received. */
  readonly deliveredEverywhere: number;
}

const show = ({ epoch, sequenceId }: Position): string => `${epoch.slice(-6)}/${sequenceId}`;

export function checkHistories(nodes: readonly NodeHistory[], acknowledged: readonly PublishResult[]): HistoryReport {
  const violations: string[] = [];
  const places = new Map<string, string>();
  for (const { epoch, sequenceId, eventId } of acknowledged) claim(places, { epoch, sequenceId, eventId }, violations);
  for (const node of nodes) {
    violations.push(...checkOrder(node));
    for (const record of node.events) claim(places, record, violations);
  }
  let deliveredEverywhere = 0;
  for (const result of acknowledged) {
    const without = nodes.filter((node) => !received(node, result));
    if (without.length === 0) deliveredEverywhere += 1;
    for (const node of without) {
      if (!isCovered(node, result)) violations.push(`${node.name} silently lost ${show(result)}`);
    }
  }
  return { violations: violations.slice(0, 20), deliveredEverywhere };
}

/**
 * Checks that each event directly follows the previous one. Only a reported loss may skip events, and the loss must begin at the position
 * that the node had reached.
 */
function checkOrder({ name, start, reported }: NodeHistory): string[] {
  const violations: string[] = [];
  if (start === undefined) return [`${name} was never attached`];
  let position = start;
  for (const item of reported) {
    const from = item.kind === 'loss' ? item.loss.from : { ...position, sequenceId: item.record.sequenceId - 1 };
    const to = item.kind === 'loss' ? item.loss.to : item.record;
    const follows = from.epoch === position.epoch && from.sequenceId === position.sequenceId;
    if (!follows || (item.kind === 'event' && item.record.epoch !== position.epoch)) {
      violations.push(`${name} was at ${show(position)} and received ${item.kind} ${show(from)} → ${show(to)}`);
    }
    position = { epoch: to.epoch, sequenceId: to.sequenceId };
  }
  return violations;
}

function claim(places: Map<string, string>, at: Position & { readonly eventId: string }, violations: string[]): void {
  const place = `${at.epoch}/${at.sequenceId}`;
  const holder = places.get(place);
  if (holder !== undefined && holder !== at.eventId) violations.push(`two events have the position ${show(at)}`);
  places.set(place, at.eventId);
}

const indexes = new WeakMap<NodeHistory, { readonly size: number; readonly ids: ReadonlySet<string> }>();

function received(node: NodeHistory, { eventId }: PublishResult): boolean {
  let index = indexes.get(node);
  if (index === undefined || index.size !== node.reported.length) {
    index = { size: node.reported.length, ids: new Set(node.events.map((record) => record.eventId)) };
    indexes.set(node, index);
  }
  return index.ids.has(eventId);
}

/**
 * Whether the node need not have received the event: it attached the stream after the event, or it received a loss that includes the event.
 */
function isCovered({ start, losses, joinedAfter }: NodeHistory, result: PublishResult): boolean {
  const { epoch, sequenceId, eventId } = result;
  if (start !== undefined && start.epoch !== epoch && joinedAfter.has(eventId)) return true;
  if (start !== undefined && start.epoch === epoch && sequenceId <= start.sequenceId) return true;
  return losses.some(({ from, to }) => {
    if (from.epoch !== to.epoch) return to.epoch !== epoch && (from.epoch !== epoch || sequenceId > from.sequenceId);
    return from.epoch === epoch && sequenceId > from.sequenceId && sequenceId <= to.sequenceId;
  });
}
