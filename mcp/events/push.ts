/** `events/stream`: sends events as notifications of one long request. The request ends when the client cancels it. */
import { SubscriptionError } from '../../generated/client.ts';
import type { TidemarkClient } from '../../generated/client.ts';
import { Follower } from '../gateway/follower.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { writeCursor } from './cursor.ts';
import { EVENTS_ERROR, eventsErrorOf } from './errors.ts';
import { occurrenceOf } from './occurrence.ts';
import type { EventsRequest } from './request.ts';

/** Milliseconds between heartbeats. SEP-3415 (*Lifecycle*) requires one at least every 30 seconds. */
export const HEARTBEAT_MS = 15_000;

export interface PushContext {
  readonly gateway: Gateway;
  /** Milliseconds between heartbeats. */
  readonly heartbeatMs: number;
  readonly signal: AbortSignal;
  /** Sends a notification. Resolves when the client has received it. */
  readonly notify: (method: string, params: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly onFault: (error: unknown) => void;
}

/**
 * Sends events until the client cancels the request, or until the subscription ends and `terminated` has been sent.
 * @throws the error of the gateway, if it refuses the request before the subscription is confirmed
 */
export async function push(request: EventsRequest, context: PushContext): Promise<void> {
  const { selection, after, notBefore, type } = request;
  const { gateway, heartbeatMs, signal, onFault } = context;
  const client = await gateway.connected(signal);
  const follower = new Follower(client, {
    ...selection,
    after,
    ...(notBefore === undefined ? {} : { notBefore }),
    signal,
  });
  const out = new Output(context);
  let isActive = false;
  const heartbeat = setInterval(() => {
    const { bookmark } = follower;
    if (isActive && bookmark !== undefined) out.offer('heartbeat', { cursor: writeCursor(selection.stream, bookmark) });
  }, heartbeatMs);
  const stopReports = reportOutages(client, (reason) => {
    if (isActive)
      out.queue('error', { error: { code: EVENTS_ERROR.internal, message: 'UpstreamError', data: { reason } } });
  });
  try {
    for await (const item of follower.follow()) {
      const cursor = writeCursor(selection.stream, item.bookmark);
      if (item.kind === 'event') await out.write('event', { ...occurrenceOf(type, item.event), cursor });
      else {
        isActive = true;
        await out.write('active', { cursor, truncated: item.truncated });
      }
    }
  } catch (error) {
    if (!isActive && !(error instanceof SubscriptionError)) throw error;
    const { code, message, data } = eventsErrorOf(error, onFault);
    await out.write('terminated', { error: { code, message, data } });
  } finally {
    clearInterval(heartbeat);
    stopReports();
  }
}

/** Sends one notification after another, so that a slow client also slows down the delivery from the gateway. */
class Output {
  readonly #context: PushContext;
  #last: Promise<void> = Promise.resolve();
  #isBusy = false;

  constructor(context: PushContext) {
    this.#context = context;
  }

  /** Sends a notification after the previous ones. Resolves when the client has received it. */
  write(name: string, params: Readonly<Record<string, unknown>>): Promise<void> {
    this.#last = this.#send(this.#last, name, params);
    return this.#last;
  }

  async #send(before: Promise<void>, name: string, params: Readonly<Record<string, unknown>>): Promise<void> {
    await before;
    this.#isBusy = true;
    await this.#context.notify(`notifications/events/${name}`, params);
    this.#isBusy = false;
  }

  /** Sends a notification without waiting for it. An error is ignored, because sending the next event fails too. */
  queue(name: string, params: Readonly<Record<string, unknown>>): void {
    this.write(name, params).catch(() => undefined);
  }

  /** Sends a notification. Drops it instead if the client has not received the previous one yet. */
  offer(name: string, params: Readonly<Record<string, unknown>>): void {
    if (!this.#isBusy) this.queue(name, params);
  }
}

/** Reports once per outage that the gateway is unreachable. The gateway's client reconnects and resumes automatically. */
function reportOutages(client: TidemarkClient, report: (reason: string) => void): () => void {
  let isAway = false;
  const offs = [
    client.on('closed', ({ willReconnect }) => {
      if (willReconnect && !isAway)
        report('The gateway is unreachable; delivery continues when it is reachable again.');
      isAway ||= willReconnect;
    }),
    client.on('ready', () => (isAway = false)),
  ];
  return () => {
    for (const off of offs) off();
  };
}
