/**
 * Checks what the nodes of a test received: no silent loss, no duplicate, no reorder, never two events at one
 * position. It knows nothing of how a broker works, only the promises of {@link BrokerListener}.
 */
import type { BrokerHealth, BrokerListener, EventRecord, Position, PublishResult, StreamLoss } from '../broker.ts';

type Told =
  { readonly kind: 'event'; readonly record: EventRecord } | { readonly kind: 'loss'; readonly loss: StreamLoss };

/** One node's view of one stream, from the position at which it attached. */
export class NodeHistory implements BrokerListener {
  readonly name: string;
  readonly told: Told[] = [];
  readonly health: { readonly at: number; readonly connected: boolean }[] = [];
  start: Position | undefined;
  /** Events that were acknowledged before it was attached: those of an earlier epoch are history that it never had. */
  joinedAfter: ReadonlySet<string> = new Set();

  constructor(name: string) {
    this.name = name;
  }

  get losses(): readonly StreamLoss[] {
    return this.told.flatMap((item) => (item.kind === 'loss' ? [item.loss] : []));
  }

  get events(): readonly EventRecord[] {
    return this.told.flatMap((item) => (item.kind === 'event' ? [item.record] : []));
  }

  onEvent(record: EventRecord): void {
    if (this.start !== undefined) this.told.push({ kind: 'event', record });
  }

  onLoss(loss: StreamLoss): void {
    if (this.start !== undefined) this.told.push({ kind: 'loss', loss });
  }

  onSourceLoss(): void {
    // Not part of the sequence.
  }

  onEnded(): void {
    // The checker follows no streams.
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
  /** Acknowledged events that every node received, over all acknowledged ones. */
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

/** Every event follows the one before it; only a loss may jump, and it must begin where the node stood. */
function checkOrder({ name, start, told }: NodeHistory): string[] {
  const violations: string[] = [];
  if (start === undefined) return [`${name} was never attached`];
  let position = start;
  for (const item of told) {
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
  if (holder !== undefined && holder !== at.eventId) violations.push(`two events stand at ${show(at)}`);
  places.set(place, at.eventId);
}

const indexes = new WeakMap<NodeHistory, { readonly size: number; readonly ids: ReadonlySet<string> }>();

function received(node: NodeHistory, { eventId }: PublishResult): boolean {
  let index = indexes.get(node);
  if (index === undefined || index.size !== node.told.length) {
    index = { size: node.told.length, ids: new Set(node.events.map((record) => record.eventId)) };
    indexes.set(node, index);
  }
  return index.ids.has(eventId);
}

/** Whether the node attached after the event, or received a loss that includes the event. */
function isCovered({ start, losses, joinedAfter }: NodeHistory, result: PublishResult): boolean {
  const { epoch, sequenceId, eventId } = result;
  if (start !== undefined && start.epoch !== epoch && joinedAfter.has(eventId)) return true;
  if (start !== undefined && start.epoch === epoch && sequenceId <= start.sequenceId) return true;
  return losses.some(({ from, to }) => {
    if (from.epoch !== to.epoch) return to.epoch !== epoch && (from.epoch !== epoch || sequenceId > from.sequenceId);
    return from.epoch === epoch && sequenceId > from.sequenceId && sequenceId <= to.sequenceId;
  });
}
