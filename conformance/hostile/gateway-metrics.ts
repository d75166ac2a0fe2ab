/** Measurements of the gateway from `/metrics` and `/ws/health`, if it serves them. */
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Target } from './wire.ts';

export interface GatewayMetrics {
  readonly residentBytes: number | undefined;
  /** Bytes of the heap in use; only from gateways on Node. */
  readonly heapBytes: number | undefined;
  /** Longest delay of the event loop since the previous request. */
  readonly loopDelayMaxMs: number | undefined;
  readonly loopDelayP99Ms: number | undefined;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** Sends an ordinary HTTP request. Resolves with status 0 if there is no response. */
export function ask(
  target: Target,
  path: string,
  options: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string } = {},
): Promise<Reply> {
  const { host, port, secure } = target;
  return new Promise((resolve) => {
    const nothing = (): void => resolve({ status: 0, body: '' });
    const call = (secure ? requestTls : request)(
      {
        host,
        port,
        path,
        method: options.body === undefined ? 'GET' : 'POST',
        headers: {
          ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...options.headers,
        },
        timeout: 5000,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', nothing);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    call.on('timeout', () => call.destroy());
    call.on('error', nothing);
    call.end(options.body);
  });
}

function metric(text: string, name: string): number | undefined {
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 10_000) / 10;
}

/** Reads the process metrics that every Prometheus client library reports under the same names. */
export async function readGatewayMetrics(
  target: Target,
  headers: Readonly<Record<string, string>>,
): Promise<GatewayMetrics | undefined> {
  const { status, body } = await ask(target, '/metrics', { headers });
  if (status !== 200) return undefined;
  return {
    residentBytes: metric(body, 'process_resident_memory_bytes'),
    heapBytes: metric(body, 'nodejs_heap_size_used_bytes'),
    loopDelayMaxMs: milliseconds(metric(body, 'nodejs_eventloop_lag_max_seconds')),
    loopDelayP99Ms: milliseconds(metric(body, 'nodejs_eventloop_lag_p99_seconds')),
  };
}

export async function readConnections(
  target: Target,
  headers: Readonly<Record<string, string>>,
): Promise<number | undefined> {
  const { status, body } = await ask(target, `${target.path}/health`, { headers });
  if (status !== 200) return undefined;
  const { connections } = JSON.parse(body) as { connections?: unknown };
  return typeof connections === 'number' ? connections : undefined;
}
