/**
 * Answers HTTP upgrades: opens a WebSocket connection, or refuses the upgrade with an HTTP response that states the reason. The checks run
 * in this order: load (the cheapest check), origin and host, the requested protocol, the credential.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Server } from 'ws';
import { ERRORS, SUBPROTOCOL } from '../../generated/protocol.ts';
import { identify } from '../auth/authenticator.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Audit } from '../auth/audit.ts';
import { credentialFrom } from '../auth/credential.ts';
import { admissionFault } from '../auth/request-origin.ts';
import type { OriginPolicy } from '../auth/origin.ts';
import type { TrustedProxies } from '../auth/trusted-proxies.ts';
import type { Principal } from '../auth/principal.ts';
import { ProtocolError, internalError } from '../errors.ts';
import type { Counters } from '../introspection/counters.ts';
import type { ConnectionLimiter } from './connection-limiter.ts';
import { RefusedConnection } from './refused-connection.ts';
import { refuseSocket } from './refused-socket.ts';
import { LinkedWebSocket } from './websocket-link.ts';
import { httpFailure } from '../wire/http-failure.ts';
import { requestTarget } from '../auth/request-target.ts';

/** A peer that does not answer a close frame is disconnected after this time, in milliseconds. */
const CLOSE_TIMEOUT_MS = 3_000;

export interface Accepted {
  readonly ws: LinkedWebSocket;
  readonly socket: Duplex;
  readonly principal: Principal;
  readonly authenticated: 'yes' | 'not-yet';
  readonly remoteAddress: string;
}

export interface AcceptorOptions {
  readonly path: string;
  readonly limits: { readonly inboundMessageBytes: number };
  readonly limiter: ConnectionLimiter;
  readonly authenticator: Authenticator;
  readonly origins: OriginPolicy;
  readonly insecure: boolean;
  readonly proxies: TrustedProxies;
  readonly audit: Audit;
  readonly counters: Counters;
  readonly onFault: (error: unknown) => void;
  readonly onAccepted: (accepted: Accepted) => void;
}

export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #server: Server<typeof LinkedWebSocket>;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const settings = {
      noServer: true,
      WebSocket: LinkedWebSocket,
      maxPayload: options.limits.inboundMessageBytes,
      // Compression is off, because it would cost memory per connection, and because the size of a compressed frame could reveal secrets in
      // it.
      perMessageDeflate: false,
      clientTracking: false,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (offered: ReadonlySet<string>) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    } as const;
    // The settings are passed as a variable, because the types of `ws` lack `closeTimeout`, and an unknown member of an object literal is a
    // compile error.
    this.#server = new WebSocketServer(settings);
    // If `ws` itself finds a fault in a handshake, the client receives this fault as an error of the contract too (OPS-0).
    this.#server.on('wsClientError', (cause: Error, socket: Duplex) =>
      this.#refuse(socket, new ProtocolError('invalid_message', `${cause.message}.`, { cause })),
    );
  }

  /** Whether the request is for this gateway. If the gateway is attached to a host's HTTP server, the host answers all other upgrades. */
  owns(request: IncomingMessage): boolean {
    return requestTarget(request.url).pathname === this.#options.path;
  }

  /** Refuses an upgrade whose path is not the path of the WebSocket. */
  refuseUnknown(socket: Duplex): void {
    const message = `Not found; the WebSocket is at ${this.#options.path}.`;
    this.#refuse(socket, new ProtocolError('unknown_type', message));
  }

  /** Answers an upgrade, either by opening a connection or with an HTTP failure. Never rejects. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const onEarlyError = (): void => void socket.destroy();
    socket.on('error', onEarlyError);
    const { limiter, proxies } = this.#options;
    try {
      const remoteAddress = proxies.clientOf(request).address;
      limiter.check(remoteAddress);
      limiter.countAttempt();
      this.#checkRequest(request);
      const who = await this.#identify(request, remoteAddress);
      if (socket.destroyed) return;
      // Check again whether there is room: while the credential was looked up, other clients may have connected, or the drain may have
      // started.
      limiter.check(remoteAddress);
      this.#handOver(request, socket, head, { ...who, remoteAddress });
    } catch (error) {
      this.#refuse(socket, error);
    } finally {
      socket.off('error', onEarlyError);
    }
  }

  #checkRequest(request: IncomingMessage): void {
    const fault = admissionFault(request, this.#options);
    if (fault !== undefined) {
      this.#auditDenied(request);
      throw new RefusedConnection(403, new ProtocolError('forbidden', fault));
    }
    if (request.httpVersion !== '1.1')
      throw new RefusedConnection(400, new ProtocolError('invalid_message', 'A WebSocket upgrade needs HTTP/1.1.'));
    // `ws` would also accept version 8, which has the origin in another header.
    if (request.headers['sec-websocket-version'] !== '13') {
      throw new RefusedConnection(426, new ProtocolError('invalid_message', 'Send Sec-WebSocket-Version: 13.'));
    }
    const offered = request.headers['sec-websocket-protocol'];
    if (offered !== undefined && !offered.split(',').some((each) => each.trim() === SUBPROTOCOL)) {
      throw new RefusedConnection(
        400,
        new ProtocolError('invalid_message', `The only supported subprotocol is ${SUBPROTOCOL}; offer it, or none.`),
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

  /** Finds the credential. @throws {ProtocolError} if the request has two credentials, or one in a place where none is allowed */
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
      ws.on('close', this.#options.limiter.enter(who.remoteAddress));
      try {
        this.#options.onAccepted({ ws, socket, ...who });
      } catch (error) {
        // An HTTP response can no longer be sent. The connection is counted as open until its socket is closed.
        this.#options.onFault(error);
        ws.terminate();
      }
    });
  }

  #refuse(socket: Duplex, cause: unknown): void {
    const { status, error } = this.#refusalOf(cause);
    this.#options.counters.countRefused(status);
    refuseSocket(socket, httpFailure(error, status));
  }

  /** The refusal that the client receives. Any other error is a fault of the server, which is logged. */
  #refusalOf(cause: unknown): RefusedConnection {
    if (cause instanceof RefusedConnection) return cause;
    if (cause instanceof ProtocolError) return new RefusedConnection(ERRORS[cause.code].httpStatus, cause);
    this.#options.onFault(cause);
    return new RefusedConnection(500, internalError(cause));
  }
}
