/**
 * The operations over HTTP, as the contract describes them (OPS-0 to OPS-4). Bodies are plain objects; a failure is the
 * `error` message with the status that the contract gives its code.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Registry as MetricsRegistry } from 'prom-client';
import type { BroadcastData, ExplainRequest, SubscriptionsPage } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import type { Audit } from '../auth/audit.ts';
import { identify } from '../auth/authenticator.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { credentialFrom, refuseCredentialInAddress } from '../auth/credential.ts';
import { admissionFault } from '../auth/request-origin.ts';
import type { OriginPolicy } from '../auth/origin.ts';
import type { Principal } from '../auth/principal.ts';
import { permits } from '../auth/scope.ts';
import { RETRY_AFTER_S, httpFailure } from '../wire/http-failure.ts';
import { checkRequest } from '../wire/schema-error.ts';
import { ProtocolError } from '../errors.ts';
import type { Introspection, SubscriptionQuery } from '../introspection/introspection.ts';
import { parseJson } from '../wire/json-guard.ts';
import type { Publisher } from '../publishing/publisher.ts';
import type { Answering } from './open-answers.ts';
import type { DocumentAssets } from './assets.ts';
import { registerConsole } from './console-page.ts';

export interface RouteOptions {
  readonly path: string;
  readonly introspection: Introspection;
  /** All nodes' subscriptions (OPS-2). */
  readonly subscriptions: (query: SubscriptionQuery) => Promise<SubscriptionsPage>;
  readonly publisher: Publisher;
  readonly authenticator: Authenticator;
  readonly audit: Audit;
  readonly origins: OriginPolicy;
  readonly insecure: boolean;
  readonly metrics: MetricsRegistry;
  readonly limits: { readonly inboundMessageBytes: number; readonly jsonDepth: number };
  readonly assets: DocumentAssets;
  readonly answering: Answering;
  readonly onFault: (error: unknown) => void;
}

/** @param status by default the one that the contract gives the error's code */
export function fail(reply: FastifyReply, error: ProtocolError, status?: number): FastifyReply {
  const failure = httpFailure(error, status);
  if ('upgrade' in failure.headers) void reply.header('connection', 'upgrade');
  return reply.code(failure.status).headers(failure.headers).send(failure.body);
}

/** What Fastify itself refuses, in the terms of the contract. */
export function asProtocolError(error: unknown, onFault: (error: unknown) => void): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
  if (status === 413)
    return new ProtocolError('payload_too_large', 'The body is over the limit for one message.', {
      details: { limit: 'inboundMessageBytes' },
    });
  if (status === 415) return new ProtocolError('invalid_message', 'Send the body as application/json.');
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new ProtocolError('invalid_message', 'The request is malformed.');
  onFault(error);
  return new ProtocolError('internal', 'The server failed to answer; it has logged why.', { cause: error });
}

/** Bytes that are no UTF-8 would otherwise be replaced without a word (ERR-3). */
function decodeBody(body: string | Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(body));
  } catch (cause) {
    throw new ProtocolError('invalid_json', 'The body is not UTF-8.', { cause });
  }
}

class Guard {
  readonly #options: RouteOptions;

  constructor(options: RouteOptions) {
    this.#options = options;
  }

  /** Refuses what a page of another site, or a rebound name, may have sent (SEC-4), and credentials that would be logged (SEC-2). */
  checkAdmission(request: FastifyRequest): void {
    const fault = admissionFault(request.raw, this.#options);
    try {
      if (fault !== undefined) throw new ProtocolError('forbidden', fault);
      refuseCredentialInAddress(request.raw);
    } catch (error) {
      this.#options.audit.record({ kind: 'connect', remoteAddress: request.ip, outcome: 'denied' });
      throw error;
    }
  }

  async principal(request: FastifyRequest): Promise<Principal> {
    const { authenticator, audit } = this.#options;
    const credential = credentialFrom(request.raw);
    if (credential !== undefined) return identify(credential, { authenticator, audit, remoteAddress: request.ip });
    if (!authenticator.required) return authenticator.anonymous;
    audit.record({ kind: 'authenticate', remoteAddress: request.ip, outcome: 'denied' });
    throw new ProtocolError('unauthenticated', 'Send Authorization: Bearer or X-API-Key.');
  }

  async admin(request: FastifyRequest): Promise<void> {
    const principal = await this.principal(request);
    if (permits(principal.scopes, 'admin:read')) return;
    this.#options.audit.record({
      kind: 'introspect',
      principal: principal.id,
      remoteAddress: request.ip,
      outcome: 'denied',
    });
    throw new ProtocolError('forbidden', `${principal.id} needs the scope admin:read.`);
  }
}

function probes(app: FastifyInstance, { introspection, path }: RouteOptions): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const { status } = introspection;
    if (status === 'ok') return { status: 'ok' };
    return reply
      .code(503)
      .header('retry-after', String(RETRY_AFTER_S))
      .send({ status: status === 'draining' ? 'draining' : 'broker_unavailable' });
  });
  app.get(path, async (_request, reply) => {
    return fail(reply, new ProtocolError('invalid_message', 'This is a WebSocket: send an upgrade.'), 426);
  });
  app.get(`${path}/health`, async () => introspection.health());
}

function queryOf(raw: unknown): SubscriptionQuery {
  const query = raw as Record<string, unknown>;
  const known = ['stream', 'event', 'principal', 'connection', 'limit', 'cursor'];
  const unknown = Object.keys(query).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new ProtocolError(
      'invalid_message',
      `Unknown query parameter ${JSON.stringify(unknown)}; known: ${known.join(', ')}.`,
    );
  const repeated = known.find((key) => Array.isArray(query[key]));
  if (repeated !== undefined) throw new ProtocolError('invalid_message', `\`${repeated}\` stands twice in the query.`);
  const text = (key: string): Record<string, string> => (typeof query[key] === 'string' ? { [key]: query[key] } : {});
  const limit = query['limit'] === undefined ? undefined : Number(query['limit']);
  if (limit !== undefined && !(/^\d+$/.test(String(query['limit'])) && limit >= 1 && limit <= 1000))
    throw new ProtocolError('invalid_message', '`limit` is a whole number from 1 to 1000.');
  return {
    ...text('stream'),
    ...text('event'),
    ...text('principal'),
    ...text('connection'),
    ...text('cursor'),
    ...(limit === undefined ? {} : { limit }),
  };
}

function operations(app: FastifyInstance, options: RouteOptions, guard: Guard): void {
  const { path, publisher, introspection } = options;
  app.post(`${path}/broadcast`, async (request) => {
    const principal = await guard.principal(request);
    checkRequest(request.body, httpValidators.broadcast_request);
    const body = request.body as BroadcastData;
    const origin = { name: 'broadcast', principal, remoteAddress: request.ip, payloadPointer: '/payload' } as const;
    return publisher.publish(body, origin);
  });
  app.post(`${path}/explain`, async (request) => {
    await guard.admin(request);
    checkRequest(request.body, httpValidators.explain_request);
    const { stream = 'main', event, payload, source = 'broadcast' } = request.body as ExplainRequest;
    publisher.checkPayload({ event, payload }, '/payload');
    return introspection.explain(stream, { event, payload, source: { name: source, principal: 'anonymous' } });
  });
  app.get(`${path}/subscriptions`, async (request) => {
    await guard.admin(request);
    return options.subscriptions(queryOf(request.query));
  });
}

function documents(app: FastifyInstance, { metrics, assets }: RouteOptions): void {
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', metrics.contentType).send(await metrics.metrics()),
  );
  app.get('/asyncapi.yaml', async (_request, reply) =>
    reply.header('content-type', 'application/yaml').send(assets.contract),
  );
  app.get('/docs', async (_request, reply) => reply.headers(assets.docs.headers).send(assets.docs.html));
}

/** Answers what nobody serves; for the gateway's own instance, since a host has an answer of its own. */
export function registerNotFound(app: FastifyInstance): void {
  const error = new ProtocolError('invalid_message', 'Not found; see /docs.');
  app.setNotFoundHandler((_request, reply) => fail(reply, error, 404));
}

/** Registers all HTTP operations on a Fastify instance: the gateway's own, or a host's. */
export function registerRoutes(app: FastifyInstance, options: RouteOptions): void {
  const guard = new Guard(options);
  app.setErrorHandler((error, _request, reply) => fail(reply, asProtocolError(error, options.onFault)));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: options.limits.inboundMessageBytes },
    (_request, body, done) => {
      try {
        done(null, parseJson(decodeBody(body), { maxDepth: options.limits.jsonDepth }));
      } catch (error) {
        done(error instanceof Error ? error : new Error('unreadable'), undefined);
      }
    },
  );
  options.answering.watch(app);
  app.addHook('onRequest', async (request) => guard.checkAdmission(request));
  probes(app, options);
  operations(app, options, guard);
  documents(app, options);
  registerConsole(app, options.path);
}
