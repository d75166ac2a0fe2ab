/**
 * Drives the TypeScript SDK for `conformance client`:
 *
 *     npx tidemark conformance client --command "node conformance/client/adapters/typescript.ts"
 *
 * docs/guides/conformance/test-your-client.md describes the lines that this program reads and writes.
 */
import { createInterface } from 'node:readline';
import { createClient } from '../../../generated/client.ts';
import type { ClientOptions, TidemarkClient, TidemarkEvent } from '../../../generated/client.ts';
import { followStreams } from '../../../generated/streams.ts';

type Line = Readonly<Record<string, unknown>>;

const SUPPORTS = [
  'api-key',
  'backoff',
  'broadcast',
  'buffer',
  'echo',
  'open-timeout',
  'picture-resume',
  'reconnecting',
  'streams',
  'sync',
  'token',
];

function report(notice: string, members: Line = {}): void {
  process.stdout.write(`${JSON.stringify({ notice, ...members })}\n`);
}

function textAt(line: Line, key: string): string {
  const value = line[key];
  return typeof value === 'string' ? value : '';
}

function messageOf(error: unknown): Line {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return { message: error instanceof Error ? error.message : String(error), ...(code === undefined ? {} : { code }) };
}

/** Makes a function that returns one token per call, and repeats the last token. Returns a single token as it is. */
function tokenOf(tokens: readonly string[]): NonNullable<ClientOptions['token']> {
  const left = [...tokens];
  if (left.length === 1) return left[0] ?? '';
  return () => (left.length > 1 ? left.shift() : left[0]) ?? '';
}

function optionsOf(line: Line): ClientOptions {
  const { url, backoff, openTimeoutMs, tokens, apiKey } = line as {
    readonly url: string;
    readonly backoff?: NonNullable<ClientOptions['backoff']>;
    readonly openTimeoutMs?: number;
    readonly tokens?: readonly string[];
    readonly apiKey?: string;
  };
  return {
    url,
    ...(backoff === undefined ? {} : { backoff }),
    ...(openTimeoutMs === undefined ? {} : { openTimeoutMs }),
    ...(tokens === undefined ? {} : { token: tokenOf(tokens) }),
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}

/** The members that this program uses of a subscription to one stream, or to several. */
interface Reader extends AsyncIterable<TidemarkEvent> {
  readonly ready: Promise<unknown>;
  unsubscribe(): Promise<void>;
}

/** One client and its subscriptions. */
class Program {
  #client: TidemarkClient | undefined;
  readonly #subscriptions = new Map<string, Reader>();
  readonly #held = new Set<string>();

  run(line: Line): void {
    switch (line['do']) {
      case 'connect':
        return this.#connect(line);
      case 'subscribe':
        return this.#subscribe(line);
      case 'unsubscribe':
        return this.#answer(line, this.#subscriptions.get(textAt(line, 'id'))?.unsubscribe());
      case 'release':
        this.#held.delete(textAt(line, 'id'));
        return this.#read(textAt(line, 'id'));
      case 'ping':
        return this.#answer(line, this.#client?.ping());
      case 'sync':
        return this.#answer(line, this.#client?.sync(textAt(line, 'stream')));
      case 'broadcast': {
        const { event, payload, stream } = line as { event: string; payload: object; stream?: string };
        const place = stream === undefined ? {} : { stream };
        return this.#answer(line, this.#client?.broadcast({ event, payload, ...place } as never));
      }
      case 'close':
        return this.#answer(line, this.#client?.close());
      case 'echo':
        return report('result', { ref: line['ref'], ok: true });
      default:
        return report('error', { message: `unknown command ${JSON.stringify(line['do'])}` });
    }
  }

  #connect(line: Line): void {
    const client = createClient(optionsOf(line));
    this.#client = client;
    client.on('gap', ({ subscriptionId, stream, from, to, reason, noticedBy }) =>
      report('gap', { subscription: subscriptionId, stream, from, to, reason, noticedBy }),
    );
    client.on('reconnecting', ({ delayMs }) => report('reconnecting', { delayMs }));
    client.on('closed', ({ code, willReconnect }) => report('closed', { code, willReconnect }));
    client.on('loss', (loss) => report('loss', loss));
    client.on('error', (error) => report('error', messageOf(error)));
    this.#answer(line, client.connect());
  }

  #subscribe(line: Line): void {
    const { id, stream, streams, events, filter, replay, buffer, hold } = line as {
      readonly id: string;
      readonly stream?: string;
      readonly streams?: readonly string[];
      readonly events: readonly string[];
      readonly filter?: object;
      readonly replay?: object;
      readonly buffer?: number;
      readonly hold?: boolean;
    };
    if (this.#client === undefined) return;
    const options = {
      subscriptionId: id,
      events: events as readonly '*'[],
      ...(filter === undefined ? {} : { filter }),
      ...(replay === undefined ? {} : { replay: replay as { readonly mode: 'warm' } }),
      ...(buffer === undefined ? {} : { buffer: { limit: buffer } }),
    };
    const subscription: Reader =
      streams === undefined
        ? this.#client.subscribe({ ...options, ...(stream === undefined ? {} : { stream }) })
        : followStreams(this.#client, { ...options, streams });
    this.#subscriptions.set(id, subscription);
    subscription.ready.then(
      () => report('subscribed', { subscription: id }),
      () => undefined,
    );
    if (hold === true) this.#held.add(id);
    else this.#read(id);
  }

  #read(id: string): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription !== undefined && !this.#held.has(id)) void readAll(id, subscription);
  }

  #answer({ ref }: Line, work: Promise<unknown> | undefined): void {
    (work ?? Promise.resolve()).then(
      (data) => report('result', { ref, ok: true, data }),
      (error: unknown) => report('result', { ref, ok: false, error: messageOf(error) }),
    );
  }
}

async function readAll(id: string, subscription: Reader): Promise<void> {
  try {
    for await (const event of subscription) report('event', { subscription: id, event });
    report('ended', { subscription: id });
  } catch (error) {
    report('ended', { subscription: id, error: messageOf(error) });
  }
}

const program = new Program();
const lines = createInterface({ input: process.stdin });
lines.on('line', (text) => {
  const line = JSON.parse(text) as Line;
  try {
    program.run(line);
  } catch (error) {
    report('result', { ref: line['ref'], ok: false, error: messageOf(error) });
  }
});
lines.on('close', () => process.exit(0));
report('ready', { client: 'tidemark-client for TypeScript', supports: SUPPORTS });
