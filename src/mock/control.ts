/** The control address of a mock: an HTTP server on loopback with JSON bodies. Each kind of fault has a path. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { CLOSE_CODES, ERRORS } from '../../generated/protocol.ts';
import type { OpenObject } from '../../generated/types.ts';
import { ProtocolError } from '../errors.ts';
import type { CloseName, ErrorCode } from './faults.ts';
import { ReplayingError } from './mock.ts';
import type { Mock } from './mock.ts';

type Body = Readonly<Record<string, unknown>>;

/** Thrown if a request is invalid. The response has the status 400 and contains the message of the error. */
class RequestError extends Error {
  override readonly name = 'RequestError';
}

const LONGEST_BODY = 1_048_576;
const DAY_MS = 86_400_000;

function numberOf(
  body: Body,
  name: string,
  standard: number,
  bounds: { readonly min: number; readonly max: number },
): number {
  const value = body[name] ?? standard;
  if (typeof value === 'number' && value >= bounds.min && value <= bounds.max) return value;
  throw new RequestError(`${name} must be a number from ${bounds.min} to ${bounds.max}.`);
}

function textOf(body: Body, name: string, standard?: string): string {
  const value = body[name] ?? standard;
  if (typeof value === 'string' && value !== '') return value;
  throw new RequestError(`${name} must be a non-empty string.`);
}

function keyOf<Key extends string>(
  body: Body,
  name: string,
  table: Readonly<Record<Key, unknown>>,
  standard: Key,
): Key {
  const value = textOf(body, name, standard);
  if (Object.hasOwn(table, value)) return value as Key;
  throw new RequestError(`${name} must be one of ${Object.keys(table).join(', ')}.`);
}

function isObject(value: unknown): value is OpenObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const COUNT = { min: 1, max: 10_000 };

type Handler = (mock: Mock, body: Body) => object | Promise<object>;

async function publish(mock: Mock, body: Body): Promise<object> {
  const event = textOf(body, 'event');
  const count = numberOf(body, 'count', 1, COUNT);
  const example = mock.exampleOf(event);
  const payload = body['payload'] ?? example?.payload;
  if (!isObject(payload)) throw new RequestError(`The contract has no example of ${event}: add "payload" to the body.`);
  const stream = body['stream'] === undefined ? example?.stream : textOf(body, 'stream');
  let last: object = {};
  for (let done = 0; done < count; done += 1)
    last = await mock.publish({ event, payload, ...(stream === undefined ? {} : { stream }) });
  return { published: count, last };
}

function refuseCommand({ faults }: Mock, body: Body): object {
  const retryAfterMs =
    body['retryAfterMs'] === undefined ? undefined : numberOf(body, 'retryAfterMs', 0, { min: 0, max: DAY_MS });
  faults.commands.push({
    command: textOf(body, 'command', '*'),
    code: keyOf<ErrorCode>(body, 'code', ERRORS, 'internal'),
    times: numberOf(body, 'times', 1, COUNT),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
  return {};
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  'GET /state': (mock) => mock.state,
  'POST /publish': publish,
  'POST /gap': ({ faults }, body) => (faults.lose('gap', numberOf(body, 'count', 1, COUNT)), {}),
  'POST /lose': ({ faults }, body) => (faults.lose('silent', numberOf(body, 'count', 1, COUNT)), {}),
  'POST /source-gap': async (mock, body) => {
    const paths = Array.isArray(body['paths']) ? body['paths'].map(String) : [''];
    await mock.loseSource(textOf(body, 'stream', 'main'), paths);
    return {};
  },
  'POST /delay': ({ faults }, body) => {
    faults.delayMs = numberOf(body, 'ms', 0, { min: 0, max: DAY_MS });
    faults.jitterMs = numberOf(body, 'jitterMs', 0, { min: 0, max: DAY_MS });
    return {};
  },
  'POST /silence': ({ faults }, body) => {
    faults.silentUntil = Date.now() + numberOf(body, 'ms', 1000, { min: 0, max: DAY_MS });
    return {};
  },
  'POST /close': (mock, body) => ({ closed: mock.closeAll(keyOf<CloseName>(body, 'name', CLOSE_CODES, 'overloaded')) }),
  'POST /cut': (mock) => ({ cut: mock.cutAll() }),
  'POST /restart': async (mock) => {
    await mock.restart();
    return {};
  },
  'POST /refuse-upgrade': ({ faults }, body) => {
    const status = numberOf(body, 'status', 503, { min: 400, max: 599 });
    faults.upgrades.push({ status, times: numberOf(body, 'times', 1, COUNT) });
    return {};
  },
  'POST /refuse-command': refuseCommand,
  'POST /reset': ({ faults }) => {
    faults.reset();
    return {};
  },
};

async function bodyOf(request: IncomingMessage): Promise<Body> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Uint8Array).length;
    if (length > LONGEST_BODY) throw new RequestError(`The body is larger than ${LONGEST_BODY} bytes.`);
    chunks.push(chunk as Uint8Array);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RequestError('The body is not JSON; send one JSON object.');
  }
  if (isObject(value)) return value;
  throw new RequestError('The body must be one JSON object.');
}

async function answer(
  mock: Mock,
  request: IncomingMessage,
): Promise<{ readonly status: number; readonly body: object }> {
  const known = `${request.method} ${(request.url ?? '').split('?')[0]}`;
  const handler = Object.hasOwn(HANDLERS, known) ? HANDLERS[known] : undefined;
  if (handler === undefined)
    return {
      status: 404,
      body: { error: `Unknown operation ${known}; the operations are ${Object.keys(HANDLERS).join(', ')}.` },
    };
  // Requests with an Origin are refused, because otherwise any website could post to this address from a browser. A browser always sends an
  // Origin with a POST; other programs do not send it.
  if (request.headers.origin !== undefined)
    return {
      status: 403,
      body: { error: 'Requests from web pages are refused: send the request without an Origin header.' },
    };
  try {
    return { status: 200, body: await handler(mock, await bodyOf(request)) };
  } catch (error) {
    if (error instanceof RequestError || error instanceof ReplayingError || error instanceof ProtocolError)
      return { status: 400, body: { error: error.message } };
    throw error;
  }
}

/** Called with an error that is a fault of the mock. The response only reports that there was one. */
type OnFault = (error: unknown) => void;

async function respond(
  mock: Mock,
  { request, response, onFault }: { request: IncomingMessage; response: ServerResponse; onFault: OnFault },
): Promise<void> {
  const { status, body } = await answer(mock, request).catch((error: unknown) => {
    onFault(error);
    return { status: 500, body: { error: 'Internal error of the mock. Its standard error has the details.' } };
  });
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(`${JSON.stringify(body)}\n`);
}

/** Starts the control server. @returns the server, which listens on 127.0.0.1 */
export async function serveControl(mock: Mock, port: number, onFault: OnFault): Promise<Server> {
  const server = createServer((request, response) => void respond(mock, { request, response, onFault }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return server;
}
