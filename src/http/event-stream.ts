/** `GET /ws/events`: reads the query as a `subscribe` command, and answers with server-sent events (SSE-1 to SSE-5). */
import type { FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import { COMMANDS } from '../../generated/protocol.ts';
import type { ReplayRequest, StreamPosition, SubscribeData } from '../../generated/types.ts';
import type { Validator } from '../../generated/validators.js';
import type { TrustedProxies } from '../auth/trusted-proxies.ts';
import type { ConnectionLimiter } from '../connections/connection-limiter.ts';
import type { EventStreamRequest } from '../connections/connections.ts';
import { ProtocolError } from '../errors.ts';
import type { Counters } from '../introspection/counters.ts';
import { NOWHERE } from '../wire/known-positions.ts';
import { readPositionToken } from '../wire/position-token.ts';
import { schemaError } from '../wire/schema-error.ts';
import type { Admitted } from './guard.ts';

/** Opens a connection whose frames are written to the HTTP response; see `Connections`. */
export type OpenEventStream = (request: EventStreamRequest) => Promise<void>;

/** Parameters that may occur only once. All other parameters are lists. */
const SINGLE = ['stream', 'replay', 'after'] as const;

interface Parameters {
  readonly single: Readonly<Partial<Record<(typeof SINGLE)[number], string>>>;
  readonly lists: Readonly<Record<string, readonly string[]>>;
}

/**
 * Converts the query to the data of a `subscribe` command. Every parameter except `stream`, `streams`, `events`, `replay` and `after` is a
 * filter field. The schema of the command checks the names of the filter fields, including those of the user's own events.
 * @throws {ProtocolError} with a pointer to the invalid query parameter
 */
export function readSubscribe({ query, headers }: FastifyRequest, fits: Validator): SubscribeData {
  const { single, lists } = parametersOf(query as Readonly<Record<string, unknown>>);
  const { events = [], streams, ...filter } = lists;
  const { stream } = single;
  const data = {
    ...(streams === undefined
      ? { stream: stream ?? 'main' }
      : { streams, ...(stream === undefined ? {} : { stream }) }),
    events,
    ...(Object.keys(filter).length === 0 ? {} : { filter }),
    replay: replayOf(single, headers['last-event-id'], streams === undefined ? (stream ?? 'main') : undefined),
  };
  if (!fits({ type: 'subscribe', data }))
    throw inQuery(schemaError(fits.errors ?? [], { codes: COMMANDS.subscribe.errorPointers }));
  return data;
}

function parametersOf(query: Readonly<Record<string, unknown>>): Parameters {
  const lists: Record<string, readonly string[]> = {};
  const single: Partial<Record<(typeof SINGLE)[number], string>> = {};
  for (const [name, value] of Object.entries(query)) {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    const texts = values.filter((each) => typeof each === 'string');
    const [only, ...more] = texts;
    const known = SINGLE.find((each) => each === name);
    if (known === undefined) lists[name] = texts;
    else if (only !== undefined && more.length === 0) single[known] = only;
    else throw invalid(name, `The query parameter \`${name}\` is given more than once.`);
  }
  return { single, lists };
}

/**
 * Determines which replay a request asks for.
 * @param lastEventId the header `Last-Event-ID`, which takes precedence over the parameter `after` (SSE-2)
 * @param stream the requested stream; undefined for many streams
 */
function replayOf(
  { replay, after }: Parameters['single'],
  lastEventId: unknown,
  stream: string | undefined,
): ReplayRequest {
  if (replay !== undefined && replay !== 'none' && replay !== 'warm')
    throw invalid('replay', '`replay` must be `none` or `warm`; to resume, send `Last-Event-ID` or `after`.');
  const token = typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : after;
  if (token === undefined) return { mode: replay ?? 'warm' };
  if (stream === undefined) return { mode: 'resume', positions: positionsIn(token) };
  const [position, ...others] = readPositionToken(token);
  if (position?.stream !== stream || others.length > 0)
    throw invalid('after', `The position does not belong to the requested stream ${JSON.stringify(stream)}.`);
  const { epoch, sequenceId, picture } = position;
  const again = picture === 'pending' ? ({ withPicture: true } as const) : {};
  return { mode: 'resume', after: { epoch, sequenceId }, ...again };
}

/** The positions of many streams. Streams that the token does not name are replayed from their first event (SSE-5). */
function positionsIn(token: string): readonly StreamPosition[] {
  if (token === NOWHERE) return [];
  const positions = readPositionToken(token);
  if (positions.some(({ picture }) => picture === 'pending'))
    throw invalid('after', 'The position belongs to a subscription to one stream; name this stream in `stream`.');
  return positions.map(({ stream, epoch, sequenceId }) => ({ stream, epoch, sequenceId }));
}

function invalid(parameter: string, text: string): ProtocolError {
  return new ProtocolError('invalid_message', text, { pointer: `/${parameter}` });
}

/**
 * Converts an error about the command to an error about the query. For example, the pointer `/data/filter/extensions/0` becomes
 * `/extensions/0`.
 */
function inQuery(error: ProtocolError): ProtocolError {
  const { code, message, pointer, details, retryAfterMs, cause } = error;
  const translated = (text: string): string => text.replaceAll('/data/filter', '').replaceAll('/data/', '/');
  return new ProtocolError(code, translated(message), {
    ...(pointer === undefined ? {} : { pointer: translated(pointer) }),
    ...(details === undefined ? {} : { details }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause,
  });
}

/** Allows a page of another origin to read the response. The origin has already been checked (SEC-4). */
function allowPage({ headers: { origin } }: FastifyRequest, reply: FastifyReply): void {
  if (origin !== undefined) void reply.headers({ 'access-control-allow-origin': origin, vary: 'Origin' });
}

/** Answers a CORS preflight request, in which a browser asks whether a page may send these headers. */
export function answerPreflight(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  allowPage(request, reply);
  return reply
    .headers({
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'authorization, x-api-key, last-event-id, cache-control',
    })
    .code(204)
    .send();
}

export interface AttemptOptions {
  readonly connectionLimiter: ConnectionLimiter;
  readonly counters: Counters;
  readonly proxies: TrustedProxies;
}

/**
 * Treats a request for server-sent events as an attempt to connect, like an upgrade: the rate of such requests is limited before their
 * credentials are looked up, and refused requests are counted (SSE-3).
 */
export function attemptHooks({
  connectionLimiter,
  counters,
  proxies,
}: AttemptOptions): Pick<RouteShorthandOptions, 'onRequest' | 'onSend'> {
  const connects = ({ method }: FastifyRequest): boolean => method === 'GET';
  return {
    onRequest: (request, _reply, done) => {
      if (connects(request)) {
        connectionLimiter.check(proxies.clientOf(request.raw).address);
        connectionLimiter.countAttempt();
      }
      done();
    },
    onSend: (request, { statusCode }, payload, done) => {
      if (connects(request) && statusCode >= 400) counters.countRefused(statusCode);
      done(null, payload);
    },
  };
}

export interface EventStreamAnswer {
  readonly open: OpenEventStream;
  readonly admitted: Admitted;
}

export async function answerWithEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  { open, admitted: { caller, data } }: EventStreamAnswer,
): Promise<FastifyReply> {
  allowPage(request, reply);
  if (request.method === 'HEAD') return reply.type('text/event-stream').header('cache-control', 'no-store').send();
  if (request.raw.httpVersionMajor > 1)
    throw new ProtocolError(
      'invalid_message',
      'Events are served only over HTTP/1.1. Send the request over HTTP/1.1, or through a proxy that forwards it over HTTP/1.1.',
    );
  const headers = Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
  try {
    await open({ caller, headers, response: reply.raw, subscribe: data as SubscribeData });
  } catch (error) {
    throw error instanceof ProtocolError ? inQuery(error) : error;
  }
  reply.hijack();
  return reply;
}
