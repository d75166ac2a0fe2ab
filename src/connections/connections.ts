/** All connections of a node: accepts them, enforces their time limits and budgets, and drains them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { PROTOCOL_VERSION } from '../../generated/protocol.ts';
import type { CloseName } from '../../generated/protocol.ts';
import type { DisconnectRequest, SubscribeData, WelcomeData } from '../../generated/types.ts';
import type { Caller } from '../auth/authorise.ts';
import { wirePrincipal } from '../auth/principal.ts';
import { newId } from '../broker/event-id.ts';
import type { HandlerContext, HandlerServices } from '../handlers/context.ts';
import { HANDLERS } from '../handlers/table.ts';
import type { ConnectionsView } from '../introspection/introspection.ts';
import type { Counters } from '../introspection/counters.ts';
import { ProtocolError } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';
import { ManyStreamsIds, OneStreamIds } from '../wire/event-ids.ts';
import { EventStreamFraming } from '../wire/event-stream-framing.ts';
import { Router } from '../session/router.ts';
import { Session } from '../session/session.ts';
import { Acceptor } from './acceptor.ts';
import type { Accepted } from './acceptor.ts';
import { Connection, reconnectDelayMs } from './connection.ts';
import type { ConnectionSettings } from './connection.ts';
import { ConnectionLimiter } from './connection-limiter.ts';
import { CredentialWatch } from './credential-watch.ts';
import { closeForShutdown } from './drain.ts';
import { EventStreamLink } from './event-stream-link.ts';
import type { Link } from './link.ts';
import { WebSocketLink } from './websocket-link.ts';
import { Heartbeat } from './heartbeat.ts';
import type { Fanout } from '../delivery/fan-out.ts';
import { FlushScheduler } from '../delivery/flush-scheduler.ts';
import { SendQueueBudget } from '../delivery/send-queue-budget.ts';

export interface ConnectionsOptions extends ResolvedOptions {
  readonly services: Omit<HandlerServices, 'onPrincipal'>;
  readonly counters: Counters;
  readonly changedSince: Fanout['changedSince'];
}

/** A request for server-sent events. The client has already been authenticated, and has the scopes for the subscription. */
export interface EventStreamRequest {
  readonly caller: Caller;
  readonly response: ServerResponse;
  /** Headers of the response, in addition to those that every event stream has. */
  readonly headers: Readonly<Record<string, string>>;
  /** The data of the command, already validated against its schema. */
  readonly subscribe: SubscribeData;
}

export class Connections {
  /** Counts open connections, and refuses new ones if there is no room. */
  readonly limiter: ConnectionLimiter;
  /** The budget that the send queues of all connections share. */
  readonly queues: SendQueueBudget;
  readonly #options: ConnectionsOptions;
  readonly #services: HandlerServices;
  readonly #acceptor: Acceptor;
  readonly #heartbeat: Heartbeat;
  readonly #scheduler: FlushScheduler;
  readonly #connections = new Map<string, Connection>();
  readonly #router: Router<HandlerContext>;
  readonly #settings: ConnectionSettings;
  readonly #credentials: CredentialWatch;
  #onEmpty: (() => void) | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    const { limits, authenticator, now } = options;
    this.#scheduler = new FlushScheduler(limits);
    this.queues = new SendQueueBudget(limits.sendQueueBudgetBytes, () => this.#relieveQueues());
    this.#credentials = new CredentialWatch({ authTimeoutMs: limits.authTimeoutMs, now });
    this.#services = { ...options.services, onPrincipal: (session) => this.#watchCredential(session) };
    const onFault = (error: unknown, { connectionId }: Session): void =>
      options.log.error({ err: error, connectionId }, 'a command or a message of a connection failed');
    this.#router = new Router<HandlerContext>({
      handlers: HANDLERS,
      catalogue: options.catalogue,
      limits,
      audit: options.services.audit,
      onFault,
      onUnauthenticated: ({ remoteAddress }) =>
        options.services.audit.record({ kind: 'command', remoteAddress, outcome: 'denied' }),
      onError: (error, session) => {
        options.counters.countError(error.code);
        this.#connections.get(session.connectionId)?.countError(error);
      },
      onAnswered: (command, ms) => options.counters.countCommand(command, ms),
    });
    this.limiter = new ConnectionLimiter(limits, now);
    this.#acceptor = new Acceptor({
      ...options,
      limiter: this.limiter,
      onAccepted: (accepted) => this.#accept(accepted),
    });
    this.#heartbeat = new Heartbeat({
      intervalMs: limits.heartbeatIntervalMs,
      broker: options.broker,
      changedSince: options.changedSince,
      now,
    });
    this.#settings = {
      services: this.#services,
      router: this.#router,
      scheduler: this.#scheduler,
      queues: this.queues,
      limits,
      now,
      random: options.random,
      onFault,
      onClosing: (closing, name) => this.#onClosing(closing, name),
      onClose: (closed, code) => this.#forget(closed, code),
    };
    authenticator.onRevoked((credentialId) => this.#revoke(credentialId));
  }

  owns(request: IncomingMessage): boolean {
    return this.#acceptor.owns(request);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    return this.#acceptor.upgrade(request, socket, head);
  }

  refuseUnknown(socket: Duplex): void {
    this.#acceptor.refuseUnknown(socket);
  }

  /** The sessions of all open connections, in the order in which they were opened. */
  *sessions(): Iterable<Session> {
    for (const { session } of this.#connections.values()) yield session;
  }

  view(): ConnectionsView {
    let [queuedBytes, slow, longestQueueBytes, oldestQueuedMs] = [0, 0, 0, 0];
    for (const connection of this.#connections.values()) {
      const bytes = connection.queuedBytes;
      queuedBytes += bytes;
      longestQueueBytes = Math.max(longestQueueBytes, bytes);
      oldestQueuedMs = Math.max(oldestQueuedMs, connection.oldestQueuedMs);
      if (connection.slow) slow += 1;
    }
    const open = this.#connections.size;
    return { open, queuedBytes, longestQueueBytes, oldestQueuedMs, slow };
  }

  #accept({ ws, socket, ...who }: Accepted): void {
    const connection = this.#add(new WebSocketLink(ws, socket), who);
    this.#welcome(connection);
  }

  /**
   * Answers a request with server-sent events (SSE-1): opens a connection with one subscription. Resolves when the response has begun, or
   * when the client has disconnected. The caller of this method counts the attempt to connect and, after an error, the refusal.
   * @throws {ProtocolError} or {RefusedConnection}. After an error, no connection is open, and nothing was written.
   */
  async openEventStream({ caller, response, headers, subscribe }: EventStreamRequest): Promise<void> {
    // The client may have disconnected while its credential was looked up. The response then emits no further `close` event.
    if (response.closed) return;
    const { socket } = response;
    // The response has no socket if the client sent this request before the response to an earlier one on the same socket was complete.
    if (socket === null)
      throw new ProtocolError(
        'invalid_message',
        'Send this request on a separate connection, because an earlier request on this one is not answered yet.',
      );
    this.limiter.check(caller.remoteAddress);
    // The framing is created before the connection, but needs the connection later, to know whether everything has been sent.
    const opened: { connection?: Connection } = {};
    const isSent = (): boolean => opened.connection?.unwritten().size === 0;
    const [leave, framing] = [this.limiter.enter(caller.remoteAddress), this.#framingOf(subscribe, isSent)];
    response.once('close', leave);
    const link = new EventStreamLink({ response, socket, framing });
    const connection = this.#add(link, { ...caller, authenticated: 'yes' });
    opened.connection = connection;
    const context = { ...this.#services, session: connection.session };
    try {
      await this.#router.perform({ type: 'subscribe', data: subscribe }, context, () => {
        link.open(headers);
        this.#options.counters.countAccepted();
        this.#welcome(connection);
      });
    } catch (error) {
      // The response has begun, so an error can no longer be sent as the response. The router has logged the fault.
      if (link.isOpen) return connection.terminate();
      response.off('close', leave);
      leave();
      link.release();
      connection.release();
      this.#remove(connection);
      throw error;
    }
  }

  /** @param isSent whether all events that were queued for the connection have been passed to its socket */
  #framingOf(
    { stream = 'main', streams, replay = { mode: 'warm' } }: SubscribeData,
    isSent: () => boolean,
  ): EventStreamFraming {
    const retryMs = reconnectDelayMs(this.#options.random);
    return streams === undefined
      ? new EventStreamFraming({ ids: new OneStreamIds({ stream, replay }), retryMs, bytes: 'shared' })
      : new EventStreamFraming({ ids: new ManyStreamsIds(replay, isSent), retryMs, bytes: 'own' });
  }

  #add(link: Link, who: Pick<Accepted, 'principal' | 'authenticated' | 'remoteAddress'>): Connection {
    const { limits, now } = this.#options;
    const session = new Session({ connectionId: newId(), ...who, limits, now });
    const connection = new Connection({ link, session, settings: this.#settings });
    this.#connections.set(session.connectionId, connection);
    return connection;
  }

  #welcome(connection: Connection): void {
    const { session } = connection;
    this.#heartbeat.add(connection);
    connection.send({ type: 'welcome', data: this.#welcomeData(session) });
    this.#credentials.watch(connection);
  }

  #welcomeData(session: Session): WelcomeData {
    const { nodeId, limits, broadcast, catalogue, events } = this.#options;
    const replay = Object.fromEntries([
      ...events.names.map((name) => [name, events.of(name).replay.policy] as const),
      ['*', events.custom.replay.policy] as const,
    ]);
    return {
      connectionId: session.connectionId,
      nodeId,
      protocolVersion: PROTOCOL_VERSION,
      contractDigest: catalogue.digest,
      heartbeatIntervalMs: limits.heartbeatIntervalMs,
      limits: { ...limits },
      features: { broadcast: broadcast === 'on', replay },
      principal: wirePrincipal(session.principal),
      authenticationRequired: !session.authenticated,
    };
  }

  /**
   * Closes connections until the send queues are within their budget. Each time, selects the principal with the most queued bytes, and
   * closes that principal's connection with the longest queue.
   */
  #relieveQueues(): void {
    const byPrincipal = Map.groupBy(this.#connections.values(), ({ session }) => session.principal.id);
    const principals = [...byPrincipal.values()].map((connections) => ({
      bytes: connections.reduce((sum, { queuedBytes }) => sum + queuedBytes, 0),
      connections: connections.toSorted((left, right) => left.queuedBytes - right.queuedBytes),
    }));
    while (this.queues.exceeded) {
      const heaviest = principals.reduce((most, each) => (each.bytes > most.bytes ? each : most));
      const connection = heaviest.connections.pop();
      if (connection === undefined) return;
      heaviest.bytes -= connection.queuedBytes;
      this.queues.dropped += 1;
      connection.close(
        'slow_consumer',
        'The client reads too slowly: all send queues of this node together exceeded their bound.',
      );
    }
  }

  #onClosing(connection: Connection, name: CloseName): void {
    const { queuedBytes, queuedMessages, oldestQueuedMs, session } = connection;
    if (name === 'slow_consumer') this.#options.counters.countClosedSlow();
    const { connectionId, principal, remoteAddress } = session;
    this.#options.log.info(
      {
        connectionId,
        principal: principal.id,
        remoteAddress,
        close: name,
        queuedBytes,
        queuedMessages,
        oldestQueuedMs,
      },
      'a connection is closed by the gateway',
    );
  }

  #forget(connection: Connection, code: number): void {
    this.#remove(connection);
    if (connection.isOpen) this.#options.counters.countClosed(code);
  }

  #remove(connection: Connection): void {
    const { connectionId } = connection.session;
    this.#credentials.forget(connection);
    this.#heartbeat.remove(connection);
    this.#connections.delete(connectionId);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  #watchCredential({ connectionId }: Session): void {
    const connection = this.#connections.get(connectionId);
    if (connection !== undefined) this.#credentials.watch(connection);
  }

  #revoke(credentialId: string): void {
    for (const connection of this.#connections.values()) {
      if (connection.session.principal.credentialId === credentialId)
        connection.close('token_revoked', 'The credential was revoked.');
    }
  }

  /** Ends a connection at the request of an operator (OPS-8). @returns false if this node has no open connection with this id */
  disconnect({ connectionId, reconnect = true }: DisconnectRequest): boolean {
    const connection = this.#connections.get(connectionId);
    if (connection === undefined || connection.session.closed) return false;
    connection.close(reconnect ? 'disconnected' : 'removed', 'An operator ended the connection.');
    return true;
  }

  /** Drains all connections (CON-5). Resolves when each connection has ended or was cut. */
  async drain(drainMs: number): Promise<void> {
    this.limiter.draining = true;
    const { random, limits } = this.#options;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      if (this.#connections.size === 0) resolve();
    });
    const timer = setTimeout(() => this.terminateAll(), drainMs);
    const { acceptsPerSecond } = limits;
    await closeForShutdown([...this.#connections.values()], { heartbeat: this.#heartbeat, acceptsPerSecond, random });
    await empty;
    clearTimeout(timer);
    this.#heartbeat.close();
  }

  terminateAll(): void {
    for (const connection of this.#connections.values()) connection.terminate();
  }
}
