/** The HTTP server of the gateway. It is the gateway's own server, a host's Fastify instance, or a host's `http.Server`. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import type { DisconnectRequest } from '../../generated/types.ts';
import { HTTP_OPERATIONS, WEBSOCKET_PATH } from '../../generated/protocol.ts';
import type { Counters } from '../introspection/counters.ts';
import type { FileListings } from '../introspection/file-listings.ts';
import type { Introspection } from '../introspection/introspection.ts';
import type { SubscriptionQuery } from '../introspection/subscriptions-page.ts';
import type { ResolvedOptions } from '../options.ts';
import type { Publisher } from '../publishing/publisher.ts';
import type { SliceOptions } from '../session/slices.ts';
import type { TurnBudget } from '../session/turn-budget.ts';
import { requestTarget } from '../auth/request-target.ts';
import { explainEverywhere } from '../introspection/explanation.ts';
import type { ExplainQuery, ExplanationOptions } from '../introspection/explanation.ts';
import { clusterNodes } from '../introspection/cluster-nodes.ts';
import { clusterPage } from '../introspection/cluster-page.ts';
import type { OpenEventStream } from './event-stream.ts';
import { disconnectEverywhere } from '../connections/disconnection.ts';
import type { DisconnectionOptions } from '../connections/disconnection.ts';
import type { ConnectionLimiter } from '../connections/connection-limiter.ts';
import { UnansweredRequests } from './unanswered-requests.ts';
import { documentAssets } from './assets.ts';
import { DocsSite } from './docs-site.ts';
import { refuseMalformed } from './malformed-requests.ts';
import { createMetrics } from './metrics.ts';
import { RequestLimiter } from './request-limiter.ts';
import { asProtocolError, fail, faultLog, registerOwnAddresses, registerRoutes } from './routes.ts';

export interface HttpOptions extends ResolvedOptions, Omit<ExplanationOptions, 'slices'>, DisconnectionOptions {
  readonly introspection: Introspection;
  readonly files: FileListings;
  readonly publisher: Publisher;
  readonly counters: Counters;
  readonly turn: TurnBudget;
  readonly openEventStream: OpenEventStream;
  readonly connectionLimiter: ConnectionLimiter;
}

/** The host servers that a gateway can attach to. */
export type Host = Server | FastifyInstance;

export interface Http {
  readonly server: Server;
  /** Listens on an address. @returns the bound port */
  listen(address: { readonly host: string; readonly port: number }): Promise<number>;
  /** Adds the routes to a host's Fastify instance, in a separate Fastify context. */
  register(host: FastifyInstance): Promise<void>;
  /** Answers requests for the gateway's addresses on a host's server; the host answers all others. @returns a function that stops this */
  share(host: Server): Promise<() => void>;
  /** Whether the connection of this socket has an unanswered request. */
  hasUnanswered(socket: Duplex): boolean;
  /** The metrics of this gateway, in the text format of Prometheus. */
  metrics(): Promise<string>;
  close(): Promise<void>;
}

/** Operations whose path does not begin with the path of the WebSocket. */
const FIXED = Object.values(HTTP_OPERATIONS).filter(({ path }) => !path.startsWith(`${WEBSOCKET_PATH}/`));
const OWN_ADDRESSES: ReadonlySet<string> = new Set(FIXED.map(({ path }) => path));
const SERVE_BELOW = FIXED.filter(({ servesBelow }) => servesBelow).map(({ path }) => path);

type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

export function createHttp(options: HttpOptions): Http {
  const { introspection, limits, path } = options;
  const metrics = createMetrics({ ...options, figures: () => introspection.figures() });
  const unanswered = new UnansweredRequests();
  const routes = {
    ...options,
    unanswered,
    metrics,
    limiter: new RequestLimiter(options),
    assets: documentAssets(options.catalogue),
    site: new DocsSite(
      () => options.catalogue.documents().site(),
      (err) => options.log.warn({ err }, 'the documentation cannot be read; /docs serves only the reference'),
    ),
    subscriptions: (query: SubscriptionQuery, slices: SliceOptions) => clusterPage({ ...options, slices }, query),
    nodes: () => clusterNodes(options),
    explain: (query: ExplainQuery, slices: SliceOptions) => explainEverywhere(query, { ...options, slices }),
    disconnect: (request: DisconnectRequest) => disconnectEverywhere(request, options),
  };
  const app = Fastify({
    logger: false,
    bodyLimit: limits.inboundMessageBytes,
    requestTimeout: limits.handshakeTimeoutMs * 2,
    clientErrorHandler: refuseMalformed,
    // No id is generated here: `faultLog` generates one when it logs a fault.
    genReqId: () => '',
    frameworkErrors: (error, request, reply) =>
      void fail(reply, asProtocolError(error, faultLog(options.log, request, reply))),
    http: {
      // RFC 9110, 7.8: a server may ignore an upgrade to another protocol and answer the request as usual.
      shouldUpgradeCallback: ({ headers }) => /(?:^|,)\s*websocket\s*(?:,|$)/i.test(headers.upgrade ?? ''),
      headersTimeout: limits.handshakeTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, limits.handshakeTimeoutMs / 2),
    },
    forceCloseConnections: true,
  });
  registerRoutes(app, routes);
  registerOwnAddresses(app);
  return {
    server: app.server,
    listen: async ({ host, port }) => {
      await app.listen({ host, port });
      const address = app.server.address();
      return typeof address === 'object' && address !== null ? address.port : port;
    },
    register: async (host) => {
      await host.register(async (scope) => registerRoutes(scope, routes));
    },
    share: async (host) => {
      await app.ready();
      return share(host, (request, response) => app.routing(request, response), path);
    },
    hasUnanswered: (socket) => unanswered.has(socket),
    metrics: () => metrics.metrics(),
    close: () => app.close(),
  };
}

/** Runs `ours` before the host's own request listeners, but only for the addresses of the gateway. */
function share(host: Server, ours: RequestListener, path: string): () => void {
  const theirs = host.listeners('request') as RequestListener[];
  host.removeAllListeners('request');
  const listener: RequestListener = (request, response) => {
    const { pathname } = requestTarget(request.url);
    const isOurs = pathname === path || [path, ...SERVE_BELOW].some((each) => pathname.startsWith(`${each}/`));
    if (isOurs || OWN_ADDRESSES.has(pathname)) return ours(request, response);
    for (const each of theirs) each.call(host, request, response);
  };
  host.on('request', listener);
  return () => {
    host.off('request', listener);
    for (const each of theirs) host.on('request', each);
  };
}
