/**
 * The gateway: starts its parts and stops them. `assembly.ts` creates these parts.
 *
 *     const gateway = createGateway();
 *     await gateway.listen({ host: '127.0.0.1', port: 7400 });
 *     await gateway.publish('file_change', { path: 'src/a.ts', root: 'shop', changeType: 'modify', fileType: 'file' });
 *
 * @module tidemark
 */
import { BROKER_RETRY_MS } from './broker/broker.ts';
import type { EventEmitter } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { HTTP_OPERATIONS } from '../generated/protocol.ts';
import type { OpenObject, PayloadMap } from '../generated/types.ts';
import { httpValidators } from '../generated/validators.js';
import { assemble } from './assembly.ts';
import { assertProtected } from './auth/exposure.ts';
import { serveUnder } from './auth/origin.ts';
import type { Broker, BrokerListener, PublishResult, SourceLoss } from './broker/broker.ts';
import { MisspeltNames } from './catalogue/near-miss.ts';
import type { Connections } from './connections/connections.ts';
import { ProtocolError } from './errors.ts';
import type { Host, Http } from './http/server.ts';
import type { FileListings, WatchedRoot } from './introspection/file-listings.ts';
import type { Introspection } from './introspection/introspection.ts';
import { resolveOptions } from './options.ts';
import type { GatewayOptions, ResolvedOptions } from './options.ts';
import { bindEmitter } from './publishing/emitter.ts';
import type { EmitterBindings } from './publishing/emitter.ts';
import { snapshotOf } from './publishing/payload-snapshot.ts';
import type { Publisher } from './publishing/publisher.ts';
import { reportablePaths } from './subscriptions/directories.ts';
import { checkRequest } from './wire/schema-error.ts';

export type { Authenticator } from './auth/authenticator.ts';
export type { Credential } from './auth/credential.ts';
export type { Principal } from './auth/principal.ts';
export type { PublishResult, SourceLoss } from './broker/broker.ts';
export type { WatchedRoot } from './introspection/file-listings.ts';
export type { GatewayOptions } from './options.ts';
export type { EmitterBinding, EmitterBindings } from './publishing/emitter.ts';

/** Options of one call of `publish`. */
export interface PublishOptions {
  /** The stream to publish on. By default, the stream to which the event belongs, such as `session:{sessionId}`, or `main` if none. */
  readonly stream?: string;
  /** A label for the source of the event; defaults to `host`. */
  readonly source?: string;
  readonly idempotencyKey?: string;
}

export interface Listening {
  /** The URL at which WebSocket clients connect. */
  readonly url: string;
  readonly httpUrl: string;
  readonly host: string;
  readonly port: number;
}

/** The type of an event's payload: the declared type if the contract declares the event, otherwise any object. */
type Payload<Payloads, E extends string> = E extends keyof Payloads ? Payloads[E] & object : OpenObject;

/** @typeParam Payloads payload type for each declared event, from the generated types of the contract */
export class Gateway<Payloads = PayloadMap> {
  readonly nodeId: string;
  readonly #options: ResolvedOptions;
  readonly #broker: Broker;
  readonly #listener: BrokerListener;
  readonly #publisher: Publisher;
  readonly #misspelt: MisspeltNames;
  readonly #connections: Connections;
  readonly #introspection: Introspection;
  readonly #files: FileListings;
  readonly #http: Http;
  readonly #detachers: (() => void)[] = [];
  #started: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #closeAnnounced = false;
  /** Whether `publish` throws, because the gateway is closed. During the drain it still works, as other nodes can deliver the event. */
  #ended = false;

  constructor(options: GatewayOptions<Payloads> = {}) {
    const resolved = resolveOptions(options);
    this.#options = resolved;
    this.nodeId = resolved.nodeId;
    this.#broker = resolved.broker;
    this.#misspelt = new MisspeltNames(resolved.catalogue);
    const parts = assemble(resolved, () => this.#closeAnnounced || this.#closed !== undefined);
    this.#listener = parts.listener;
    this.#publisher = parts.publisher;
    this.#connections = parts.connections;
    this.#introspection = parts.introspection;
    this.#files = parts.files;
    this.#http = parts.http;
  }

  /**
   * Connects to the broker and starts to deliver its events. `listen` and `attach` call this method. A further call returns the same
   * promise; after a failed attempt, it tries again.
   */
  start(): Promise<void> {
    const { onFault } = this.#options;
    if (this.#started !== undefined) return this.#started;
    const started = this.#broker.start(this.#listener);
    this.#started = started;
    started.catch((error: unknown) => {
      this.#started = undefined;
      onFault(error);
    });
    return started;
  }

  /**
   * Listens on the given address, without a host program's server. Port 0 chooses a free port.
   * @throws {ExposureError} if the address is public, no credentials are configured and `insecure` is not set (SEC-5)
   */
  async listen(address: { readonly host?: string; readonly port?: number } = {}): Promise<Listening> {
    const { host = '127.0.0.1', port = 7400 } = address;
    const { authenticator, insecure, log } = this.#options;
    assertProtected({ host, required: authenticator.required, insecure });
    await this.start();
    if (!authenticator.required)
      log.debug({ host }, 'no credential is configured: anyone who can reach this address has full access');
    serveUnder(host, this.#options.origins);
    const actual = await this.#http.listen({ host, port });
    this.#detachers.push(this.#takeUpgrades(this.#http.server));
    const shown = host.includes(':') ? `[${host}]` : host;
    return {
      url: `ws://${shown}:${actual}${this.#options.path}`,
      httpUrl: `http://${shown}:${actual}`,
      host,
      port: actual,
    };
  }

  /**
   * Serves on a host program's `http.Server` or Fastify instance. The host keeps all other paths. On an `http.Server`, listeners that the
   * host already has do not receive the gateway's requests; listeners that the host adds later do receive them.
   * @throws {ExposureError} if the host already listens on a public address, no credentials are configured and `insecure` is not set. If
   * the host listens later, clients from other machines are refused instead (SEC-5).
   */
  async attach(host: Host): Promise<void> {
    const { authenticator, insecure } = this.#options;
    const address = ('server' in host ? host.server : host).address();
    if (typeof address === 'object' && address !== null)
      assertProtected({ host: address.address, required: authenticator.required, insecure });
    await this.start();
    if ('server' in host) {
      await this.#http.register(host);
      this.#detachers.push(this.#takeUpgrades(host.server));
      return;
    }
    this.#detachers.push(await this.#http.share(host), this.#takeUpgrades(host));
  }

  #takeUpgrades(server: Server): () => void {
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      if (this.#http.hasUnanswered(socket)) socket.destroy();
      else if (this.#connections.owns(request)) void this.#connections.upgrade(request, socket, head);
      else if (server.listenerCount('upgrade') === 1) this.#connections.refuseUnknown(socket);
    };
    server.on('upgrade', onUpgrade);
    return () => server.off('upgrade', onUpgrade);
  }

  /**
   * Publishes one event as the gateway itself. The payload of a declared event is typed; for any other name, any object is accepted. If the
   * name is probably a misspelt name of a declared event, a warning is logged once (SUB-7).
   * @throws {ProtocolError} `payload_invalid`, `payload_too_large`, `stream_invalid`, `invalid_message` (for example, for an invalid event
   * name) or `broker_unavailable`. After an error, nothing is stored.
   */
  async publish<E extends string>(
    event: E,
    payload: Payload<Payloads, E>,
    options: PublishOptions = {},
  ): Promise<PublishResult> {
    const { stream, source, idempotencyKey } = options;
    const request = {
      event,
      // Copied immediately, because the host may change its object afterwards.
      payload: snapshotOf(payload),
      ...(stream === undefined ? {} : { stream }),
      ...(source === undefined ? {} : { source }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    };
    checkRequest(request, httpValidators.broadcast_request, HTTP_OPERATIONS.post_broadcast.errorPointers);
    if (this.#ended)
      throw new ProtocolError('broker_unavailable', 'The gateway has been closed: nothing was stored.', {
        details: { outcome: 'not_stored' },
      });
    await this.#reachBroker();
    const warning = this.#misspelt.check(event);
    if (warning !== undefined) this.#options.log.warn({ event }, warning);
    return this.#publisher.publish(request, {
      name: 'host',
      principal: this.#options.gatewayPrincipal,
      pointers: { payload: '', stream: '/stream' },
    });
  }

  /**
   * Reports to subscribers that a source has lost events, and which directories they must read again (GAP-2).
   * @throws {ProtocolError} `stream_invalid` or `broker_unavailable`. After an error, the loss has not been reported.
   */
  async announceLoss({ stream, paths }: SourceLoss): Promise<void> {
    const reported = { stream, paths: reportablePaths(stream, paths) };
    await this.#reachBroker();
    await this.#broker.announce(reported);
  }

  /**
   * Lets clients list a watched directory (FIL-1). `watchDirectory` of `tidemark/files` calls this method.
   * @returns a function that makes the directory unavailable to clients again
   */
  offerFiles(watched: WatchedRoot): () => void {
    return this.#files.add(watched);
  }

  /** Waits until the broker has started. If it cannot be started, throws `broker_unavailable`. */
  async #reachBroker(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      throw new ProtocolError('broker_unavailable', 'The broker cannot be reached: nothing was stored.', {
        retryAfterMs: BROKER_RETRY_MS,
        details: { outcome: 'not_stored' },
        cause: error,
      });
    }
  }

  /**
   * Listens to an emitter of the host program, and publishes the emitted events that `bindings` names. If an event cannot be published, the
   * error is logged, because `emit` has no way to return it.
   * @returns a function that removes the listeners; `close` also removes them
   */
  bindEmitter(emitter: EventEmitter, bindings: EmitterBindings): () => void {
    const off = bindEmitter(emitter, bindings, {
      publish: ({ event, payload, stream }) =>
        this.publish(event, payload as Payload<Payloads, string>, stream === undefined ? {} : { stream }),
      onFailure: (error, failed) =>
        this.#options.log.error({ err: error, ...failed }, 'an emitted event was not published'),
    });
    this.#detachers.push(off);
    return off;
  }

  /** The same report as the body of `GET /ws/health`. */
  health(): ReturnType<Introspection['health']> {
    return this.#introspection.health();
  }

  /** The metrics of this gateway only, in the text format of Prometheus. */
  metrics(): Promise<string> {
    return this.#http.metrics();
  }

  /**
   * Makes `/readyz` answer 503, so that a load balancer sends new clients to other nodes. Everything else continues until `close`, so new
   * clients that still reach this node are served.
   */
  announceClose(): void {
    this.#closeAnnounced = true;
  }

  /**
   * Shuts down gracefully (CON-5). New connections are refused. In batches, each client receives a heartbeat and `closing`, and is then
   * disconnected. Connections that are still open after the drain time are cut. A second call, with `drainMs: 0`, cuts all connections
   * immediately.
   */
  close(options: { readonly drainMs?: number } = {}): Promise<void> {
    if (options.drainMs === 0) this.#connections.terminateAll();
    this.#closed ??= this.#close(options.drainMs ?? this.#options.limits.drainMs);
    return this.#closed;
  }

  async #close(drainMs: number): Promise<void> {
    await this.#connections.drain(drainMs);
    for (const detach of this.#detachers.splice(0)) detach();
    await this.#http.close();
    this.#ended = true;
    await this.#broker.close();
    await this.#options.authenticator.close();
  }
}

/** Creates a gateway. It serves clients after `listen` or `attach` was called. */
export function createGateway<Payloads = PayloadMap>(options: GatewayOptions<Payloads> = {}): Gateway<Payloads> {
  return new Gateway(options);
}
