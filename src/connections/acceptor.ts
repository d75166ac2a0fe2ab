/**
 * Turns an HTTP upgrade into a connection. Every refusal is an HTTP response with its reason, sent before a WebSocket exists. The checks
 * run in this order: load (cheapest), origin and host, the requested protocol, the credential.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { ERRORS, SUBPROTOCOL } from '../../generated/protocol.ts';
import { identify } from '../auth/authenticator.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Audit } from '../auth/audit.ts';
import { credentialFrom } from '../auth/credential.ts';
import { admissionFault } from '../auth/request-origin.ts';
import type { OriginPolicy } from '../auth/origin.ts';
import type { TrustedProxies } from '../auth/trusted-proxies.ts';
import type { Principal } from '../auth/principal.ts';
import { ProtocolError } from '../errors.ts';
import type { Counters } from '../introspection/counters.ts';
import { refuseSocket } from './refused-socket.ts';
import { RETRY_AFTER_S, httpFailure } from '../wire/http-failure.ts';
import { requestTarget } from '../auth/request-target.ts';
import { TokenBucket } from '../session/token-bucket.ts';

/** A refused upgrade: an HTTP status and an error as in ERR-1 (OPS-0). */
class RefusedUpgrade extends Error {
  readonly status: number;
  readonly error: ProtocolError;

  constructor(status: number, error: ProtocolError) {
    super(error.message);
    this.status = status;
    this.error = error;
  }
}

export interface AcceptLimits {
  readonly inboundMessageBytes: number;
  readonly connectionsPerNode: number;
  readonly connectionsPerAddress: number;
  readonly acceptsPerSecond: number;
}

/** A peer that does not answer a close frame is disconnected after this time. */
const CLOSE_TIMEOUT_MS = 3_000;

export interface Accepted {
  readonly ws: WebSocket;
  readonly socket: Duplex;
  readonly principal: Principal;
  readonly authenticated: 'yes' | 'not-yet';
  readonly remoteAddress: string;
}

export interface AcceptorOptions {
  readonly path: string;
  readonly limits: AcceptLimits;
  readonly authenticator: Authenticator;
  readonly origins: OriginPolicy;
  readonly insecure: boolean;
  readonly proxies: TrustedProxies;
  readonly audit: Audit;
  readonly counters: Counters;
  readonly now: () => number;
  readonly onFault: (error: unknown) => void;
  readonly onAccepted: (accepted: Accepted) => void;
}

export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #server: WebSocketServer;
  readonly #byAddress = new Map<string, number>();
  readonly #accepts: TokenBucket;
  #open = 0;
  /** Set while the gateway drains: no new connections (CON-5). */
  draining = false;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const { acceptsPerSecond } = options.limits;
    this.#accepts = new TokenBucket({ ratePerSecond: acceptsPerSecond, burst: acceptsPerSecond, now: options.now });
    const settings = {
      noServer: true,
      maxPayload: options.limits.inboundMessageBytes,
      // Compression would cost memory per connection, and the size of a frame would reveal secrets that it contains.
      perMessageDeflate: false,
      clientTracking: false,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (offered: ReadonlySet<string>) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    } as const;
    // A variable, not a literal: the types of `ws` lack `closeTimeout`, and unknown members of a literal are a compile error.
    this.#server = new WebSocketServer(settings);
    // Faults that `ws` finds in a handshake are reported as errors of the contract, too (OPS-0).
    this.#server.on('wsClientError', (cause: Error, socket: Duplex) =>
      this.#refuse(socket, new ProtocolError('invalid_message', `${cause.message}.`, { cause })),
    );
  }

  get connections(): number {
    return this.#open;
  }

  /** Whether the request is for this gateway; a host's other upgrades are left to the host. */
  owns(request: IncomingMessage): boolean {
    return requestTarget(request.url).pathname === this.#options.path;
  }

  /** Refuses an upgrade to an unknown address. */
  refuseUnknown(socket: Duplex): void {
    const message = `Not found; the WebSocket is at ${this.#options.path}.`;
    this.#refuse(socket, new RefusedUpgrade(404, new ProtocolError('invalid_message', message)));
  }

  /** Answers an upgrade: with a connection or with an HTTP failure. Never rejects. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const onEarlyError = (): void => void socket.destroy();
    socket.on('error', onEarlyError);
    const remoteAddress = this.#options.proxies.clientOf(request).address;
    try {
      this.#checkRoom(remoteAddress);
      this.#checkRate();
      this.#checkRequest(request);
      const who = await this.#identify(request, remoteAddress);
      if (socket.destroyed) return;
      // During the lookup of the credential, other clients may have connected, or the drain may have started.
      this.#checkRoom(remoteAddress);
      this.#handOver(request, socket, head, { ...who, remoteAddress });
    } catch (error) {
      this.#refuse(socket, error);
    } finally {
      socket.off('error', onEarlyError);
    }
  }

  #checkRoom(remoteAddress: string): void {
    const { connectionsPerNode, connectionsPerAddress } = this.#options.limits;
    if (this.draining) throw busy(503, 'This node is shutting down; connect to another one.');
    if (this.#open >= connectionsPerNode)
      throw busy(503, 'This node has reached its limit of connections; connect to another one or retry later.');
    if ((this.#byAddress.get(remoteAddress) ?? 0) >= connectionsPerAddress)
      throw busy(429, 'Too many connections from this address.');
  }

  #checkRate(): void {
    if (this.#accepts.take() > 0) throw busy(503, 'Too many new connections per second.');
  }

  #checkRequest(request: IncomingMessage): void {
    const fault = admissionFault(request, this.#options);
    if (fault !== undefined) {
      this.#auditDenied(request);
      throw new RefusedUpgrade(403, new ProtocolError('forbidden', fault));
    }
    if (request.httpVersion !== '1.1')
      throw new RefusedUpgrade(400, new ProtocolError('invalid_message', 'Upgrade from HTTP/1.1.'));
    // `ws` would accept version 8 as well, in which the origin is in another header.
    if (request.headers['sec-websocket-version'] !== '13') {
      throw new RefusedUpgrade(426, new ProtocolError('invalid_message', 'Send Sec-WebSocket-Version: 13.'));
    }
    const offered = request.headers['sec-websocket-protocol'];
    if (offered !== undefined && !offered.split(',').some((each) => each.trim() === SUBPROTOCOL)) {
      throw new RefusedUpgrade(
        400,
        new ProtocolError('invalid_message', `Offer the subprotocol ${SUBPROTOCOL}, or none.`),
      );
    }
  }

  async #identify(
    request: IncomingMessage,
    remoteAddress: string,
  ): Promise<Pick<Accepted, 'principal' | 'authenticated'>> {
    const { authenticator, audit } = this.#options;
    const credential = this.#credentialFrom(request);
    if (credential === undefined) {
      return { principal: authenticator.anonymous, authenticated: authenticator.required ? 'not-yet' : 'yes' };
    }
    const principal = await identify(credential, { authenticator, audit, remoteAddress });
    return { principal, authenticated: 'yes' };
  }

  /** @throws {ProtocolError} when the request has two credentials, or has one in a place where it is not allowed */
  #credentialFrom(request: IncomingMessage): ReturnType<typeof credentialFrom> {
    try {
      return credentialFrom(request);
    } catch (error) {
      this.#auditDenied(request);
      throw error;
    }
  }

  #auditDenied(request: IncomingMessage): void {
    const remoteAddress = this.#options.proxies.clientOf(request).address;
    this.#options.audit.record({ kind: 'connect', remoteAddress, outcome: 'denied' });
  }

  #handOver(request: IncomingMessage, socket: Duplex, head: Buffer, who: Omit<Accepted, 'ws' | 'socket'>): void {
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      this.#options.counters.countAccepted();
      this.#open += 1;
      this.#byAddress.set(who.remoteAddress, (this.#byAddress.get(who.remoteAddress) ?? 0) + 1);
      ws.on('close', () => this.#release(who.remoteAddress));
      try {
        this.#options.onAccepted({ ws, socket, ...who });
      } catch (error) {
        // It is too late for an HTTP response. Ending the socket reduces the count of open connections.
        this.#options.onFault(error);
        ws.terminate();
      }
    });
  }

  #release(remoteAddress: string): void {
    this.#open -= 1;
    const left = (this.#byAddress.get(remoteAddress) ?? 1) - 1;
    if (left > 0) this.#byAddress.set(remoteAddress, left);
    else this.#byAddress.delete(remoteAddress);
  }

  #refuse(socket: Duplex, cause: unknown): void {
    const { status, error } = asRefusedUpgrade(cause);
    this.#options.counters.countRefused(status);
    refuseSocket(socket, httpFailure(error, status));
  }
}

function busy(status: 429 | 503, message: string): RefusedUpgrade {
  return new RefusedUpgrade(status, new ProtocolError('rate_limited', message, { retryAfterMs: RETRY_AFTER_S * 1000 }));
}

function asRefusedUpgrade(cause: unknown): RefusedUpgrade {
  if (cause instanceof RefusedUpgrade) return cause;
  if (cause instanceof ProtocolError) return new RefusedUpgrade(ERRORS[cause.code].httpStatus, cause);
  return new RefusedUpgrade(500, new ProtocolError('internal', 'The server failed to answer.', { cause }));
}
