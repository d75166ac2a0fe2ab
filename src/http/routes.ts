/**
 * The HTTP operations of the contract (OPS-0 to OPS-9). Bodies are plain objects. A failure is answered with the `error` message, and with
 * the HTTP status that the contract assigns to the error code.
 */
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Registry as MetricsRegistry } from 'prom-client';
import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { HttpOperationName } from '../../generated/protocol.ts';
import type {
  BroadcastData,
  DisconnectRequest,
  DisconnectResult,
  ExplainRequest,
  Explanation,
  FilesRequest,
  NodesReport,
  SubscriptionsPage,
} from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import type { Validator } from '../../generated/validators.js';
import { newId } from '../broker/event-id.ts';
import { RETRY_AFTER_S, httpFailure } from '../wire/http-failure.ts';
import { hintsOf } from '../catalogue/near-miss.ts';
import { RefusedConnection } from '../connections/refused-connection.ts';
import { ProtocolError, internalError } from '../errors.ts';
import type { ExplainQuery } from '../introspection/explanation.ts';
import type { FileListings } from '../introspection/file-listings.ts';
import type { Introspection } from '../introspection/introspection.ts';
import type { SubscriptionQuery } from '../introspection/subscriptions-page.ts';
import { parseJson } from '../wire/json-guard.ts';
import { checkRequest } from '../wire/schema-error.ts';
import type { SliceOptions } from '../session/slices.ts';
import type { TurnBudget } from '../session/turn-budget.ts';
import type { CollectMetrics } from '../options.ts';
import type { Publisher } from '../publishing/publisher.ts';
import { prefersJson } from './accept-header.ts';
import { addressOf, readQuery } from './address.ts';
import type { UnansweredRequests } from './unanswered-requests.ts';
import type { DocumentAssets } from './assets.ts';
import { answerPreflight, answerWithEvents, attemptHooks, readSubscribe } from './event-stream.ts';
import type { AttemptOptions, OpenEventStream } from './event-stream.ts';
import { registerDocsPages, sendDocs } from './docs-pages.ts';
import type { DocsSite } from './docs-site.ts';
import { registerConsoleAssets, sendConsole } from './console-page.ts';
import { Guard } from './guard.ts';
import type { Admitted, GuardOptions } from './guard.ts';

export interface RouteOptions extends GuardOptions, AttemptOptions {
  readonly path: string;
  readonly introspection: Introspection;
  /** The subscriptions of all nodes (OPS-2). */
  readonly subscriptions: (query: SubscriptionQuery, slices: SliceOptions) => Promise<SubscriptionsPage>;
  /** The figures of all nodes (OPS-9). */
  readonly nodes: () => Promise<NodesReport>;
  /** Explains which subscriptions of all nodes an event would match (OPS-3). */
  readonly explain: (query: ExplainQuery, slices: SliceOptions) => Promise<Explanation>;
  readonly files: FileListings;
  /** Ends a connection on whichever node has it (OPS-8). */
  readonly disconnect: (request: DisconnectRequest) => Promise<DisconnectResult>;
  readonly publisher: Publisher;
  readonly metrics: MetricsRegistry;
  readonly collectMetrics: CollectMetrics;
  readonly limits: { readonly inboundMessageBytes: number; readonly jsonDepth: number };
  readonly assets: DocumentAssets;
  readonly site: DocsSite;
  readonly unanswered: UnansweredRequests;
  readonly openEventStream: OpenEventStream;
  /** Limits the processing time per turn of the event loop. HTTP requests and commands share this limit. */
  readonly turn: TurnBudget;
  readonly log: Logger;
}

/** Answers with an error. @param status defaults to the status that the contract gives the error's code */
export function fail(reply: FastifyReply, error: ProtocolError, status?: number): FastifyReply {
  const failure = httpFailure(error, status);
  if ('upgrade' in failure.headers) void reply.header('connection', 'upgrade');
  return reply.code(failure.status).headers(failure.headers).send(failure.body);
}

/** Converts errors of Fastify to errors of the contract. */
export function asProtocolError(error: unknown, onFault: (error: unknown) => void): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
  if (status === 413)
    return new ProtocolError('payload_too_large', 'The body is larger than the limit for one message.', {
      details: { limit: 'inboundMessageBytes' },
    });
  if (status === 415) return new ProtocolError('invalid_message', 'Send the body as application/json.');
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new ProtocolError('invalid_message', 'The request is malformed.');
  onFault(error);
  return internalError(error);
}

/** Logs a fault and adds a request id to the response. A client can report this id, and the operator can find it in the log. */
export function faultLog(log: Logger, request: FastifyRequest, reply: FastifyReply): (error: unknown) => void {
  return (error) => {
    const { method, routeOptions } = request;
    const requestId = request.id === '' ? newId() : request.id;
    void reply.header('x-request-id', requestId);
    log.error({ err: error, requestId, method, route: routeOptions.url }, 'a request could not be answered');
  };
}

/** Rejects invalid UTF-8, which would otherwise be replaced by U+FFFD (ERR-3). */
function decodeBody(body: string | Buffer): string {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (!isUtf8(bytes)) throw new ProtocolError('invalid_json', 'The body is not UTF-8.');
  return bytes.toString('utf8');
}

const POINTERS = { payload: '/payload', stream: '/stream' } as const;
const OPERATION_NAMES = Object.keys(HTTP_OPERATIONS) as HttpOperationName[];

interface AdmittedRequest extends Admitted {
  /** Divides long work for the response into slices. */
  readonly slices: SliceOptions;
}

interface Route {
  /** The schema of the body, if the operation has one. */
  readonly body?: Validator;
  /** Reads the data of the request. By default, the data is the body of the request. */
  readonly read?: (request: FastifyRequest) => unknown;
  readonly answer: (request: FastifyRequest, reply: FastifyReply, admitted: AdmittedRequest) => unknown;
  readonly hooks?: ReturnType<typeof attemptHooks>;
}

/** One route for each HTTP operation of the contract. A missing route is a compile error. */
function routesOf(options: RouteOptions): Readonly<Record<HttpOperationName, Route>> {
  const { path, publisher, introspection, metrics, assets, audit } = options;
  return {
    get_health: {
      answer: (_request, _reply, { detail }) => (detail === 'full' ? introspection.health() : introspection.summary()),
    },
    get_healthz: { answer: () => ({ status: 'ok' }) },
    get_readyz: { answer: (_request, reply) => readiness(introspection, reply) },
    get_subscriptions: {
      answer: ({ query }, _reply, { slices }) => options.subscriptions(readQuery('get_subscriptions', query), slices),
    },
    get_events: {
      hooks: attemptHooks(options),
      read: (request) => readSubscribe(request, options.catalogue.commands.subscribe),
      answer: (request, reply, admitted) =>
        answerWithEvents(request, reply, { open: options.openEventStream, admitted }),
    },
    get_nodes: { answer: () => options.nodes() },
    post_broadcast: {
      body: httpValidators.broadcast_request,
      answer: async ({ body }, _reply, { caller }) => {
        const data = body as BroadcastData;
        const place = await publisher.publish(data, { name: 'broadcast', ...caller, pointers: POINTERS });
        return { ...place, ...hintsOf([data.event], options.catalogue, () => '/event') };
      },
    },
    post_explain: {
      body: httpValidators.explain_request,
      answer: ({ body }, _reply, { slices }) => {
        const { event, payload, source = 'broadcast', connectionId } = body as ExplainRequest;
        const stream = publisher.check(body as ExplainRequest, POINTERS);
        const query = {
          stream,
          event: { event, payload, source: { name: source, principal: 'anonymous' } },
          ...(connectionId === undefined ? {} : { connectionId }),
        };
        return options.explain(query, slices);
      },
    },
    post_files: { body: httpValidators.files_request, answer: ({ body }) => options.files.page(body as FilesRequest) },
    post_disconnect: {
      body: httpValidators.disconnect_request,
      answer: ({ body }, _reply, { caller: { principal, remoteAddress } }) => {
        const request = body as DisconnectRequest;
        const { connectionId } = request;
        audit.record({ kind: 'disconnect', principal: principal.id, remoteAddress, connectionId, outcome: 'allowed' });
        return options.disconnect(request);
      },
    },
    get_metrics: {
      answer: async (_request, reply) =>
        reply.header('content-type', metrics.contentType).send(await options.collectMetrics(() => metrics.metrics())),
    },
    get_contract: {
      answer: ({ headers }, reply) => {
        const [type, text] = prefersJson(headers.accept)
          ? ['application/json', assets.contract.json]
          : ['application/yaml', assets.contract.yaml];
        return reply.headers({ 'content-type': `${type}; charset=utf-8`, vary: 'Accept' }).send(text);
      },
    },
    get_docs: {
      answer: (request, reply) => sendDocs(request, reply, options),
    },
    get_console: { answer: (_request, reply) => sendConsole(reply, path) },
  };
}

/** The body of a request, validated against its schema; undefined for an operation without a body. */
function bodyOf(name: HttpOperationName, { body }: FastifyRequest, fits: Validator | undefined): unknown {
  if (fits !== undefined) checkRequest(body, fits, HTTP_OPERATIONS[name].errorPointers);
  return body;
}

function readiness({ status }: Introspection, reply: FastifyReply): unknown {
  if (status === 'ok') return { status: 'ok' };
  return reply
    .code(503)
    .header('retry-after', String(RETRY_AFTER_S))
    .send({ status: status === 'draining' ? 'draining' : 'broker_unavailable' });
}

/**
 * Answers `/` and unknown addresses. Used only on the gateway's own server, because a host server has its own responses. The redirect is
 * relative, because a proxy may serve the gateway under a prefix (OPS-7).
 */
export function registerOwnAddresses(app: FastifyInstance): void {
  app.get('/', async (_request, reply) => reply.redirect('docs', 302));
  const error = new ProtocolError('unknown_type', 'Not found; see /docs.');
  app.setNotFoundHandler((_request, reply) => fail(reply, error));
}

/**
 * Sends a JSON response unless a response was already sent. Charges the client for the processing time of the request: for each slice when
 * it ends, so that the client's next request already finds the balance reduced, and also if the request fails.
 */
async function sendPaid(
  reply: FastifyReply,
  { turn, chargeWork, client }: Pick<Admitted, 'chargeWork'> & { readonly turn: TurnBudget; readonly client: string },
  answer: (slices: SliceOptions) => unknown,
): Promise<FastifyReply> {
  let slicedMs = 0;
  const onSlice = (ms: number): void => {
    slicedMs += ms;
    chargeWork(ms);
  };
  const collected = turn.measure();
  let pending: unknown;
  try {
    // If the client disconnects, nobody receives the response. Of pipelined requests, Node 22 destroys only the first response.
    pending = answer({ turn, client, onSlice, isCancelled: () => reply.request.raw.socket.destroyed });
  } finally {
    // The measured time includes the slices so far, which are charged already.
    chargeWork(Math.max(0, collected() - slicedMs));
  }
  const value = await pending;
  const written = turn.measure();
  const text = value === reply ? undefined : JSON.stringify(value);
  chargeWork(written());
  return text === undefined ? reply : reply.type('application/json; charset=utf-8').send(text);
}

/** Registers all HTTP operations on a Fastify instance, which is the gateway's own or a host's. */
export function registerRoutes(app: FastifyInstance, options: RouteOptions): void {
  const guard = new Guard(options);
  app.setErrorHandler((error, request, reply) =>
    error instanceof RefusedConnection
      ? fail(reply, error.error, error.status)
      : fail(reply, asProtocolError(error, faultLog(options.log, request, reply))),
  );
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: options.limits.inboundMessageBytes },
    async (request: FastifyRequest, body: string | Buffer) => {
      await options.turn.admit(guard.addressOf(request));
      return parseJson(decodeBody(body), { maxDepth: options.limits.jsonDepth });
    },
  );
  options.unanswered.watch(app);
  const openAddresses = new Set<string | undefined>(
    OPERATION_NAMES.filter((name) => HTTP_OPERATIONS[name].anyOrigin).map((name) => addressOf(name, options.path)),
  );
  app.addHook('onRequest', (request, reply, done) => {
    const pages = openAddresses.has(request.routeOptions.url) ? 'of any origin' : 'of allowed origins';
    if (pages === 'of any origin') void reply.header('access-control-allow-origin', '*');
    guard.checkAdmission(request, pages);
    done();
  });
  for (const [
    name,
    { body, read = (request: FastifyRequest): unknown => bodyOf(name, request, body), answer, hooks = {} },
  ] of Object.entries(routesOf(options)) as [HttpOperationName, Route][]) {
    app.route({
      method: HTTP_OPERATIONS[name].method,
      url: addressOf(name, options.path),
      ...hooks,
      handler: async (request, reply) => {
        // Requests for different operations, such as a probe and an explanation, do not wait for each other.
        await options.turn.admit(`${name} ${guard.addressOf(request)}`);
        const identified = await guard.identify(name, request);
        // A principal may use several addresses, and an address may be that of a proxy, so the work waits in the name of its payer.
        const client = `${name} ${identified.payer}`;
        // Other requests of the payer may have started meanwhile and are not charged for all of their work yet. They continue first.
        if (options.turn.mustWait) await options.turn.admit(client);
        const admitted = guard.admit(name, identified, () => read(request));
        return sendPaid(reply, { ...admitted, turn: options.turn, client }, (slices) =>
          answer(request, reply, { ...admitted, slices }),
        );
      },
    });
  }
  app.options(addressOf('get_events', options.path), async (request, reply) => answerPreflight(request, reply));
  app.get(options.path, async (_request, reply) =>
    fail(
      reply,
      new ProtocolError('invalid_message', 'This address accepts only WebSocket connections: send an upgrade request.'),
      426,
    ),
  );
  registerConsoleAssets(app);
  registerDocsPages(app, options);
}
