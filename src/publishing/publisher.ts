/**
 * The one operation that publishes an event (BRD-1). The host program, the HTTP request and the `broadcast` command all use this class. The
 * CLI uses it through HTTP. Each publication passes the same checks in the same order. Scopes are not checked here: `auth/authorise.ts` has
 * checked them before.
 */
import type { BroadcastData } from '../../generated/types.ts';
import type { Audit } from '../auth/audit.ts';
import type { Principal } from '../auth/principal.ts';
import type { Counters } from '../introspection/counters.ts';
import type { Broker, PublishResult } from '../broker/broker.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { CUSTOM_EVENTS } from '../catalogue/catalogue.ts';
import { homeStream, targetStream } from '../catalogue/home-stream.ts';
import { schemaError } from '../wire/schema-error.ts';
import { ProtocolError } from '../errors.ts';
import { PublishPacer } from './publish-pacer.ts';

/**
 * Number of events that may be published in one turn of the event loop. It is large enough that several events share a socket write, and
 * small enough that the events of one turn stay far below the limit of a send queue.
 */
const PUBLISHES_PER_TURN = 256;

export interface PublisherOptions {
  readonly counters: Counters;
  readonly broker: Broker;
  readonly catalogue: Catalogue;
  readonly limits: { readonly payloadBytes: number };
  readonly audit: Audit;
}

/** JSON pointers to the payload and to the stream in the client's message. An error contains one of them. */
export interface RequestPointers {
  readonly payload: string;
  readonly stream: string;
}

/** Where a publication comes from. `name` is the event's source name if the publisher gives no other `source`. */
export interface PublishOrigin {
  readonly name: 'broadcast' | 'host';
  readonly principal: Principal;
  /** The address of the client; undefined for the host program. */
  readonly remoteAddress?: string;
  readonly pointers: RequestPointers;
}

type Publication = Pick<BroadcastData, 'event' | 'payload' | 'stream'>;

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #pacer = new PublishPacer({ perTurn: PUBLISHES_PER_TURN });

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /**
   * Publishes an event.
   * @throws {ProtocolError} `payload_invalid`, `payload_too_large`, `stream_invalid` or `broker_unavailable`. After an error, nothing is
   * stored.
   */
  async publish(request: BroadcastData, origin: PublishOrigin): Promise<PublishResult> {
    const { stream, payloadJson } = this.#checked(request, origin.pointers);
    const { event, payload, source, idempotencyKey } = request;
    await this.#pacer.wait();
    const result = await this.#options.broker.publish({
      stream,
      event,
      payload,
      payloadJson,
      source: { name: source ?? origin.name, principal: origin.principal.id },
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
    if (!result.duplicate)
      this.#options.counters.countPublished(this.#options.catalogue.events.has(event) ? event : CUSTOM_EVENTS);
    if (origin.name === 'broadcast') this.#audit({ stream, event }, origin);
    return result;
  }

  #audit(published: { readonly stream: string; readonly event: string }, origin: PublishOrigin): void {
    const { principal, remoteAddress } = origin;
    const from = remoteAddress === undefined ? {} : { remoteAddress };
    const entry = { kind: 'broadcast', principal: principal.id, ...from, ...published, outcome: 'allowed' } as const;
    this.#options.audit.record(entry);
  }

  /**
   * Makes the checks that the schema of the request does not include: the size and the schema of the payload, and the stream.
   * @returns the stream on which the event will be published
   * @throws {ProtocolError} `payload_invalid`, `payload_too_large` or `stream_invalid`
   */
  check(request: Publication, pointers: RequestPointers): string {
    return this.#checked(request, pointers).stream;
  }

  #checked(request: Publication, pointers: RequestPointers): { readonly stream: string; readonly payloadJson: string } {
    const payloadJson = this.#checkPayload(request, pointers.payload);
    const { catalogue } = this.#options;
    const stream = targetStream(request, catalogue);
    const home = homeStream(request.event, request.payload, catalogue);
    if (home === undefined || home === stream) return { stream, payloadJson };
    throw new ProtocolError(
      'stream_invalid',
      `This ${request.event} belongs on the stream ${home}, not on ${stream}. Publish it on ${home}, or leave "stream" out.`,
      { pointer: pointers.stream, details: { stream: home } },
    );
  }

  /** Checks a payload against the schema of its event and against the size limit (EVT-3, EVT-4). @returns the payload as JSON */
  #checkPayload(request: Publication, pointer: string): string {
    const payloadJson = JSON.stringify(request.payload);
    const bytes = Buffer.byteLength(payloadJson);
    const { payloadBytes } = this.#options.limits;
    if (bytes > payloadBytes) {
      throw new ProtocolError(
        'payload_too_large',
        `The payload has ${bytes} bytes; the limit is ${payloadBytes} bytes.`,
        {
          pointer,
          details: { limit: 'payloadBytes', bytes, maximum: payloadBytes },
        },
      );
    }
    const fits = this.#options.catalogue.events.get(request.event)?.fits;
    if (fits?.(request.payload) === false)
      throw schemaError(fits.errors ?? [], { fallback: 'payload_invalid', pointer });
    return payloadJson;
  }
}
