/**
 * The webhook subscriptions of this process (SEP-3415, *Webhook-Based Delivery*). They are in memory only, and are granted for a limited
 * time. After a restart, clients subscribe again with their cursors, so that no event is missed.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { EndpointError, callbackFault, post } from './endpoint.ts';
import type { DeliveryFault, EndpointOptions } from './endpoint.ts';
import { keyOf, signedHeaders } from './signature.ts';
import type { Source, Termination } from './source.ts';
import { WebhookSubscription } from './subscription.ts';
import type { DeliveryOptions, DeliveryStatus } from './subscription.ts';
import { VerifiedEndpoints } from './verified-endpoints.ts';

export interface WebhookOptions extends DeliveryOptions {
  /** The shortest, the usual and the longest lifetime that is granted, in milliseconds. */
  readonly ttlMs: { readonly shortest: number; readonly usual: number; readonly longest: number };
  /** How long deliveries are also signed with the previous secret after the secret has changed, in milliseconds. */
  readonly rotationMs: number;
  readonly subscriptionsPerPrincipal: number;
  /** The maximum number of verifications per host and minute. */
  readonly verificationsPerMinute: number;
}

const MINUTE_MS = 60_000;

export const WEBHOOK_DEFAULTS: WebhookOptions = {
  endpoint: { allowPrivate: false, timeoutMs: 5_000 },
  retryDelaysMs: [2_000, 10_000, MINUTE_MS, 5 * MINUTE_MS],
  concurrency: 8,
  ttlMs: { shortest: MINUTE_MS, usual: 30 * MINUTE_MS, longest: 24 * 60 * MINUTE_MS },
  rotationMs: 5 * MINUTE_MS,
  subscriptionsPerPrincipal: 50,
  verificationsPerMinute: 10,
};

/** The values that together identify a subscription, in `events/subscribe` and in `events/unsubscribe`. */
export interface SubscriptionKey {
  readonly principal: string;
  readonly url: string;
  readonly name: string;
  readonly parameters: unknown;
}

export interface WebhookRequest {
  readonly key: SubscriptionKey;
  readonly secret: string;
  /**
   * The lifetime that the client suggests, in milliseconds. null requests an unlimited lifetime; then the longest one is granted.
   */
  readonly ttlMs: number | null | undefined;
  /** Opens the source; called only for a new subscription. */
  readonly open: (signal: AbortSignal) => Source;
  /** Converts the reason why a source has ended to the error that `terminated` reports. */
  readonly onEnd: (error: unknown) => Termination;
}

export interface Grant {
  readonly id: string;
  readonly refreshBefore: string;
  readonly cursor: string;
  readonly truncated: boolean;
  /** Present only in the reply to a refresh. */
  readonly deliveryStatus?: DeliveryStatus;
}

export type RefusalReason = 'invalid' | 'exhausted' | 'endpoint';

/** Thrown if this server refuses a subscription. */
export class WebhookRefusal extends Error {
  readonly reason: RefusalReason;
  readonly fault: DeliveryFault | undefined;
  readonly limit: { readonly limit: string; readonly max: number } | undefined;

  constructor(
    reason: RefusalReason,
    message: string,
    {
      fault,
      limit,
    }: { readonly fault?: DeliveryFault; readonly limit?: { readonly limit: string; readonly max: number } } = {},
  ) {
    super(message);
    this.name = 'WebhookRefusal';
    this.reason = reason;
    this.fault = fault;
    this.limit = limit;
  }
}

interface Held {
  readonly principal: string;
  readonly subscription: WebhookSubscription;
  readonly end: AbortController;
  key: Buffer;
  /** The previous key, and the time until which deliveries are also signed with it. */
  former: { readonly key: Buffer; readonly until: number } | undefined;
  expiry: NodeJS.Timeout;
}

export class Webhooks {
  readonly #options: WebhookOptions;
  readonly #held = new Map<string, Held>();
  /** Subscriptions whose source has ended, but whose end has not been reported to the endpoint yet. */
  readonly #ended = new Set<Held>();
  /** The principals of subscriptions that are being created. These subscriptions count towards the limit of a principal too. */
  readonly #making: string[] = [];
  /** The last call for each subscription. Calls for the same subscription run one after another. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #verified: VerifiedEndpoints;
  readonly #verifications = new Map<string, readonly number[]>();

  constructor(options: WebhookOptions = WEBHOOK_DEFAULTS) {
    this.#options = options;
    this.#verified = new VerifiedEndpoints({
      lifetimeMs: options.ttlMs.longest,
      mostPerPrincipal: options.subscriptionsPerPrincipal,
    });
  }

  /** Creates or refreshes a subscription. @throws {WebhookRefusal}; the error of the source, if the source fails before its first item */
  async subscribe(request: WebhookRequest): Promise<Grant> {
    const key = keyOf(request.secret);
    if (key === undefined)
      throw new WebhookRefusal('invalid', 'delivery.secret must be whsec_, then the base64 of 24 to 64 random bytes.');
    const fault = callbackFault(request.key.url, this.#options.endpoint);
    if (fault !== undefined) throw new WebhookRefusal('invalid', fault);
    const id = idOf(request.key);
    return this.#inTurn(id, () => {
      const held = this.#held.get(id);
      return held === undefined
        ? this.#create(id, request, key)
        : Promise.resolve(this.#refresh(id, held, request, key));
    });
  }

  /** Ends a subscription. @returns whether there was such a subscription */
  async unsubscribe(key: SubscriptionKey): Promise<boolean> {
    const id = idOf(key);
    return this.#inTurn(id, () => Promise.resolve(this.#drop(id)));
  }

  close(): void {
    for (const id of [...this.#held.keys()]) this.#drop(id);
    for (const { end } of this.#ended) end.abort();
  }

  async #create(id: string, request: WebhookRequest, key: Buffer): Promise<Grant> {
    const { principal } = request.key;
    this.#requireRoom(principal);
    this.#making.push(principal);
    try {
      return await this.#open(id, request, key);
    } finally {
      this.#making.splice(this.#making.indexOf(principal), 1);
    }
  }

  #requireRoom(principal: string): void {
    const max = this.#options.subscriptionsPerPrincipal;
    const owners = [...this.#making, ...[...this.#held.values()].map((each) => each.principal)];
    if (owners.filter((each) => each === principal).length >= max)
      throw new WebhookRefusal(
        'exhausted',
        `At most ${max} webhook subscriptions at a time; unsubscribe from one first.`,
        {
          limit: { limit: 'subscriptions', max },
        },
      );
  }

  async #open(id: string, request: WebhookRequest, key: Buffer): Promise<Grant> {
    const { principal, url } = request.key;
    const end = new AbortController();
    const source = request.open(end.signal);
    try {
      // The gateway must accept the subscription first, so that a caller without the scope cannot cause a request to the endpoint.
      const first = await source.items.next();
      if (first.done === true || first.value.kind !== 'start')
        throw new Error('The source ended before its first item.');
      await this.#verify(id, request, key);
      const until = this.#until(request.ttlMs);
      const facts = {
        ...{ id, url, source, options: this.#options, signal: end.signal },
        keys: () => keysOf(held),
        onEnd: (error: unknown) => {
          this.#forget(id, held);
          return request.onEnd(error);
        },
      };
      const subscription = new WebhookSubscription(facts, first.value);
      const held: Held = { principal, subscription, end, key, former: undefined, expiry: this.#expire(id, until) };
      this.#held.set(id, held);
      const grant = { id, refreshBefore: new Date(until).toISOString(), ...progressOf(subscription) };
      // Start deliveries after the reply has been sent, because a receiver that does not know the id yet would refuse them.
      setImmediate(() => void this.#run(held));
      return grant;
    } catch (error) {
      end.abort();
      throw error;
    }
  }

  #refresh(id: string, held: Held, request: WebhookRequest, key: Buffer): Grant {
    const { subscription } = held;
    if (!held.key.equals(key)) {
      held.former = { key: held.key, until: Date.now() + this.#options.rotationMs };
      held.key = key;
    }
    const until = this.#until(request.ttlMs);
    clearTimeout(held.expiry);
    held.expiry = this.#expire(id, until);
    const deliveryStatus = subscription.status;
    subscription.reactivate();
    return { id, refreshBefore: new Date(until).toISOString(), ...progressOf(subscription), deliveryStatus };
  }

  async #run(held: Held): Promise<void> {
    await held.subscription.run();
    held.end.abort();
    this.#ended.delete(held);
  }

  /**
   * Called when the source has ended. A new subscription may now have the same id. The end of this subscription may still be in delivery,
   * signed with this subscription's own key.
   */
  #forget(id: string, held: Held): void {
    if (this.#held.get(id) === held) this.#held.delete(id);
    clearTimeout(held.expiry);
    this.#ended.add(held);
  }

  #drop(id: string): boolean {
    const held = this.#held.get(id);
    if (held === undefined) return false;
    clearTimeout(held.expiry);
    held.end.abort();
    return this.#held.delete(id);
  }

  #expire(id: string, until: number): NodeJS.Timeout {
    return setTimeout(() => this.#drop(id), until - Date.now()).unref();
  }

  /**
   * Determines the end of the lifetime. A lifetime that the client suggests is limited to the range from `shortest` to `longest`. Without a
   * suggestion, the lifetime is `usual`; for null, it is `longest`.
   */
  #until(ttlMs: number | null | undefined): number {
    const { shortest, usual, longest } = this.#options.ttlMs;
    const wanted = ttlMs === undefined ? usual : (ttlMs ?? longest);
    return Date.now() + Math.min(Math.max(wanted, shortest), longest);
  }

  /** Asks the endpoint whether it wants deliveries (*Endpoint verification*). Skips a URL that was recently verified for this principal. */
  async #verify(id: string, { key: { principal, url } }: WebhookRequest, key: Buffer): Promise<void> {
    const now = Date.now();
    if (this.#verified.has(principal, url, now)) return;
    this.#countVerification(new URL(url).host, now);
    const challenge = randomBytes(32).toString('base64url');
    const signed = {
      id: `msg_verification_${crypto.randomUUID()}`,
      body: JSON.stringify({ type: 'verification', challenge }),
    };
    const headers = { ...signedHeaders(signed, [key], now), 'x-mcp-subscription-id': id };
    await askEndpoint(url, { headers, body: signed.body, challenge }, this.#options.endpoint);
    this.#verified.add(principal, url, now);
  }

  #countVerification(host: string, now: number): void {
    const max = this.#options.verificationsPerMinute;
    for (const [each, times] of this.#verifications)
      if (times.every((at) => at <= now - MINUTE_MS)) this.#verifications.delete(each);
    const recent = (this.#verifications.get(host) ?? []).filter((at) => at > now - MINUTE_MS);
    if (recent.length >= max)
      throw new WebhookRefusal('exhausted', `Too many verifications of ${host}; try again in a minute.`, {
        limit: { limit: 'verifications', max },
      });
    this.#verifications.set(host, [...recent, now]);
  }

  #inTurn<T>(id: string, run: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(run, run);
    const settled = turn
      .catch(() => undefined)
      .finally(() => {
        if (this.#turns.get(id) === settled) this.#turns.delete(id);
      });
    this.#turns.set(id, settled);
    return turn;
  }
}

function keysOf({ key, former }: Held): readonly Buffer[] {
  return former !== undefined && former.until > Date.now() ? [key, former.key] : [key];
}

function progressOf(subscription: WebhookSubscription): Pick<Grant, 'cursor' | 'truncated'> {
  return { cursor: subscription.cursor, truncated: subscription.takeTruncated() };
}

async function askEndpoint(
  url: string,
  {
    challenge,
    ...request
  }: { readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly challenge: string },
  options: EndpointOptions,
): Promise<void> {
  let answer: string;
  try {
    const { status, body } = await post(url, request, options);
    answer = status >= 200 && status < 300 ? echoOf(body) : '';
  } catch (error) {
    const fault = error instanceof EndpointError ? error.fault : 'connection_refused';
    throw new WebhookRefusal('endpoint', `The callback endpoint cannot be reached (${fault}).`, { fault });
  }
  const [given, wanted] = [answer, challenge].map((text) => createHash('sha256').update(text).digest());
  if (given !== undefined && wanted !== undefined && timingSafeEqual(given, wanted)) return;
  const text = 'The callback endpoint must answer a verification with its `challenge`, but did not.';
  throw new WebhookRefusal('endpoint', text, { fault: 'challenge_failed' });
}

function echoOf(body: string): string {
  try {
    const { challenge } = JSON.parse(body) as { readonly challenge?: unknown };
    return typeof challenge === 'string' ? challenge : '';
  } catch {
    return '';
  }
}

/**
 * Computes the id of a subscription from its key. The same key always leads to the same id, even after a restart. Knowing the id gives no
 * permissions.
 */
function idOf({ principal, url, name, parameters }: SubscriptionKey): string {
  const text = canonical([principal, url, name, parameters]);
  return `sub_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}

/** Encodes a value as JSON in which the members of every object are sorted. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(',')}}`;
}
