/** Creates the parts of a gateway and connects them. Lower layers call higher layers through callbacks, which are set here. */
import { Connections } from './connections/connections.ts';
import { answerDisconnectRequest } from './connections/disconnection.ts';
import { Fanout } from './delivery/fan-out.ts';
import { ReplayBlocks } from './delivery/replay-blocks.ts';
import { SubscriptionRegistry } from './delivery/subscription-registry.ts';
import type { BrokerListener } from './broker/broker.ts';
import type { HandlerServices } from './handlers/context.ts';
import { createHttp } from './http/server.ts';
import type { Http } from './http/server.ts';
import { answerFiguresRequest } from './introspection/cluster-nodes.ts';
import { answerPageRequest } from './introspection/cluster-page.ts';
import { Counters } from './introspection/counters.ts';
import { timedDelivery } from './introspection/delivery-time.ts';
import { answerExplainRequest } from './introspection/explanation.ts';
import { FileListings } from './introspection/file-listings.ts';
import { Introspection } from './introspection/introspection.ts';
import type { ResolvedOptions } from './options.ts';
import { Publisher } from './publishing/publisher.ts';
import type { SliceOptions } from './session/slices.ts';
import { TurnBudget } from './session/turn-budget.ts';

/** The parts of a gateway that the class `Gateway` uses directly. */
export interface Assembly {
  readonly connections: Connections;
  readonly files: FileListings;
  readonly http: Http;
  readonly introspection: Introspection;
  readonly publisher: Publisher;
  /** The object whose methods the broker calls, for example for each event. */
  readonly listener: BrokerListener;
}

/** @param isDraining whether the gateway has announced that it will close, or is closing */
export function assemble(options: ResolvedOptions, isDraining: () => boolean): Assembly {
  const { broker, catalogue, limits, audit, now, nodeId } = options;
  const counters = new Counters();
  const fanout = new Fanout({ counters, catalogue, now, headOf: (stream) => broker.headOf(stream) });
  const publisher = new Publisher({ counters, broker, catalogue, limits, audit });
  const turn = new TurnBudget(limits.turnBudgetMs);
  const registry = new SubscriptionRegistry({ broker, fanout, limits });
  const services: Omit<HandlerServices, 'onPrincipal'> = {
    broker,
    catalogue,
    registry,
    replayBlocks: new ReplayBlocks(),
    publisher,
    authenticator: options.authenticator,
    audit,
    limits,
    events: options.events,
    broadcast: options.broadcast,
    counters,
    turn,
    now,
  };
  const connections = new Connections({
    ...options,
    services,
    counters,
    changedSince: (change, selectors) => fanout.changedSince(change, selectors),
  });
  const introspection = new Introspection({
    version: options.version,
    nodeId,
    broker,
    catalogue,
    fanout,
    budgets: () => ({
      ...broker.budgets(),
      filterBytes: registry.filters,
      sendQueueBudgetBytes: connections.queues,
    }),
    counters,
    connections: () => connections.view(),
    sessions: () => connections.sessions(),
    draining: isDraining,
    now,
  });
  const files = new FileListings({ nodeId, broker, limits, catalogue });
  const http = createHttp({
    ...options,
    files,
    introspection,
    publisher,
    counters,
    turn,
    subscriptions: () => fanout.subscriptions(),
    openEventStream: (request) => connections.openEventStream(request),
    connectionLimiter: connections.limiter,
    connections,
  });
  const deliver = timedDelivery({ fanout, counters, now });
  const listener = listenerOf(options, { connections, deliver, fanout, files, introspection, turn });
  return { connections, files, http, introspection, publisher, listener };
}

function listenerOf(
  { catalogue, log, nodeId }: ResolvedOptions,
  parts: Pick<Assembly, 'connections' | 'files' | 'introspection'> & {
    readonly deliver: BrokerListener['onEvent'];
    readonly fanout: Fanout;
    readonly turn: TurnBudget;
  },
): BrokerListener {
  const { connections, deliver, fanout, files, introspection, turn } = parts;
  // The other nodes share one place in the rotation of clients, and are not charged.
  const slicesFor = (isAwaited: () => boolean): SliceOptions => ({
    turn,
    client: 'other nodes',
    onSlice: () => undefined,
    isCancelled: () => !isAwaited(),
  });
  const subscriptions = (): ReturnType<Fanout['subscriptions']> => fanout.subscriptions();
  return {
    nodeId,
    contractDigest: catalogue.digest,
    onEvent: deliver,
    onLoss: (loss) => fanout.reportLoss(loss),
    onUnnamedLoss: (pattern) => fanout.reportUnnamedLoss(pattern),
    onSourceLoss: (loss) => fanout.reportSourceLoss(loss),
    onEnded: (stream) => fanout.reportEnd(stream),
    onHealth: (health) => log.debug({ broker: health }, 'broker health'),
    onQuestion: (question, isAwaited) =>
      answerPageRequest(question, { introspection, slices: slicesFor(isAwaited) }) ??
      answerExplainRequest(question, { subscriptions, catalogue, slices: slicesFor(isAwaited) }) ??
      files.answer(question) ??
      answerDisconnectRequest(question, { connections }) ??
      answerFiguresRequest(question, { introspection }),
  };
}
