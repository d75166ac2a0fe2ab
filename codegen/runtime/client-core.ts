/**
 * The client without a contract: {@link Protocol} supplies the types of a contract, {@link ProtocolSpec} its constants.
 *
 * The facade, `client.ts` in the generated package, sets both and adds nothing else; `codegen/emit/client.ts` generates
 * it. Every `*.ts` file of this directory except tests and `testing/` is copied into the package.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { backoffDelayMs } from './backoff.ts';
import { heartbeatIntervalOf } from './bounds.ts';
import type { CallOptions } from './calls.ts';
import { ConnectCalls } from './connect-calls.ts';
import { Connection } from './connection.ts';
import type { ConnectionEnd } from './connection.ts';
import { matchContract } from './contract-match.ts';
import type { ContractMatch } from './contract-match.ts';
import { Credentials } from './credentials.ts';
import { Emitter } from './emitter.ts';
import type { ListenOptions } from './emitter.ts';
import { Diagnostics } from './diagnosis.ts';
import type { Diagnosis } from './diagnosis.ts';
import { closedError, ConnectionError } from './errors.ts';
import type { BroadcastOf, EventFor, EventName, EventPattern, PlainCommand } from './events.ts';
import { Feed } from './feed.ts';
import type { ClientFeed, FeedPort } from './feed-port.ts';
import type { ClientState, Lifecycle } from './lifecycle.ts';
import { Pacer } from './pacer.ts';
import { Pushes } from './pushes.ts';
import { readFeedOptions, readStreamRequest } from './request.ts';
import { readSettings } from './settings.ts';
import type { ClientOptions, Settings } from './settings.ts';
import type { ItemOf, SubscribeOptions, Subscription } from './subscription.ts';
import { waitForEvent } from './wait.ts';
import type { Waited, WaitOptions } from './wait.ts';
import type { Frame, Protocol, ProtocolSpec } from './wire.ts';

export class ClientCore<P extends Protocol> {
  readonly #spec: ProtocolSpec;
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #pacer: Pacer;
  readonly #emitter = new Emitter<Lifecycle<P>>();
  readonly #diagnostics = new Diagnostics(this.#emitter);
  readonly #feeds = new Map<string, ClientFeed>();
  readonly #port: FeedPort;
  readonly #signal: AbortSignal | undefined;
  readonly #connectCalls = new ConnectCalls<P['pushes']['welcome']>();
  #welcome: P['pushes']['welcome'] | undefined;
  #contract: ContractMatch | undefined;
  #lastSubscription = 0;

  /**
   * Creates a client that does not connect yet. The first subscription, command or `connect()` opens the connection.
   * @throws {TypeError} when the address is invalid or contains a credential, or no WebSocket class is available.
   */
  constructor(spec: ProtocolSpec, options: ClientOptions) {
    const settings = readSettings(options, spec);
    this.#spec = spec;
    this.#settings = settings;
    const pushes = new Pushes({
      feeds: this.#feeds,
      eventsReceived: () => this.#connection.events,
      onWelcome: (data) => this.#welcomed(data),
      onClosing: (data, code, retryAfterMs) => {
        this.#connection.announceClosing(code, retryAfterMs);
        this.#emitter.emit('closing', data as P['pushes']['closing']);
      },
      onLoss: (loss) => {
        this.#emitter.emit('loss', loss);
        this.#connection.restart(`${loss.sent} events were sent, ${loss.received} received`);
      },
      onError: (error) => this.#emitter.emit('error', error),
    });
    this.#connection = new Connection({
      settings,
      spec,
      credentials: new Credentials(options),
      hooks: {
        onConnecting: (attempt) => this.#emitter.emit('connecting', { attempt }),
        onOpen: () => this.#emitter.emit('open', { url: settings.url }),
        onAuthenticated: (data) => this.#emitter.emit('authenticated', data),
        onReady: () => {
          for (const feed of [...this.#feeds.values()]) feed.connected();
          this.#settleReady();
        },
        onPush: (frame) => pushes.receive(frame),
        onEnd: (end) => this.#ended(end),
        onReconnecting: (attempt, delayMs) => this.#emitter.emit('reconnecting', { attempt, delayMs }),
        onStopped: (error) => this.#stopped(error),
        onError: (error) => this.#emitter.emit('error', error),
        hasWork: () => this.#feeds.size > 0 || this.#connectCalls.size > 0,
      },
    });
    this.#pacer = new Pacer((command, data, settle) => this.#connection.request(command, data, settle));
    this.#port = this.#makePort();
    this.#signal = options.signal;
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (this.#signal?.aborted === true) this.#onAbort();
  }

  get state(): ClientState {
    const { state } = this.#connection;
    if (state === 'ready') return 'open';
    if (state === 'waiting') return 'reconnecting';
    if (state === 'stopped') return 'closed';
    return state === 'idle' ? 'idle' : 'connecting';
  }

  /** The server's `welcome` on the current connection; undefined without a connection. */
  get welcome(): P['pushes']['welcome'] | undefined {
    return this.#welcome;
  }

  /** How the server's contract differs from this client's contract; undefined before the first `welcome`. */
  get contract(): ContractMatch | undefined {
    return this.#contract;
  }

  /** Subscriptions that have not ended. */
  get subscriptions(): readonly { readonly id: string; readonly stream: string }[] {
    return [...this.#feeds.values()];
  }

  /** Counts about the connection and its subscriptions, and the reason if there is no connection. Computed on each access. */
  get diagnosis(): Diagnosis {
    return this.#diagnostics.read({ url: this.#settings.url, state: this.state, subscriptions: this.#feeds.values() });
  }

  /** Adds a listener for events about the client itself. @returns a function that removes it. */
  on<Name extends keyof Lifecycle<P>>(
    name: Name,
    listener: (detail: Lifecycle<P>[Name]) => void,
    options: ListenOptions = {},
  ): () => void {
    return this.#emitter.on(name, listener, options);
  }

  /**
   * Connects now instead of on first use.
   * @returns the server's `welcome`, when commands can be sent.
   * @throws {ConnectionError} when the client gives up or is closed; {TidemarkError} when its credential is rejected.
   */
  async connect(): Promise<P['pushes']['welcome']> {
    if (this.state === 'closed') throw closedError();
    const connected = this.#connectCalls.add();
    this.#connection.review();
    this.#settleConnectCalls();
    return connected;
  }

  /**
   * Subscribes to events. The subscription continues over reconnects: it resumes automatically, yields each event once
   * and reports every gap. Errors of the server are not thrown here: they end the iterator and reject `ready`.
   * @throws {TypeError} when another subscription of this client has the id, or `replay` is invalid;
   *   {ConnectionError} after `close()`.
   */
  subscribe<const Pattern extends EventPattern<P>, const Gaps extends 'aside' | 'inline' = 'aside'>(
    options: SubscribeOptions<P, Pattern, Gaps>,
  ): Subscription<P, ItemOf<P, Pattern, Gaps>> {
    const request = { ...readFeedOptions(options), ...readStreamRequest(options) };
    const feed = this.attach((id, port) => new Feed({ id, port, ...request }), options.subscriptionId);
    // This cast gives received data the types of the contract; the data itself is not checked.
    return feed as unknown as Subscription<P, ItemOf<P, Pattern, Gaps>>;
  }

  /**
   * Adds a subscription of any kind. Public, because other entry points of this package, such as `streams`, call it.
   * @throws {TypeError} when another subscription of this client has the id; {ConnectionError} after `close()`.
   */
  attach<Kind extends ClientFeed>(make: (id: string, port: FeedPort) => Kind, id = this.#nextId()): Kind {
    if (this.state === 'closed') throw closedError();
    if (this.#feeds.has(id))
      throw new TypeError(`A subscription "${id}" already exists; end it first, or choose another id.`);
    const feed = make(id, this.#port);
    if (feed.state !== 'ended') {
      this.#feeds.set(id, feed);
      feed.connected();
      this.#connection.review();
    }
    return feed;
  }

  /**
   * Waits for one event: the first that the pattern covers and the predicate accepts. With `since`, no event that was
   * published after that position is missed. `(await client.sync()).position` is the current position.
   * @throws {WaitError} `timeout` or `gap`; the reason of the signal; an error that the predicate throws; the errors of
   * a subscription's iterator.
   */
  waitFor<const Pattern extends EventPattern<P>>(
    event: Pattern,
    predicate: (event: EventFor<P, Pattern>) => boolean = () => true,
    options: WaitOptions<P> = {},
  ): Promise<Waited<EventFor<P, Pattern>>> {
    const waited = waitForEvent<P>((request) => this.subscribe(request), event, predicate, options);
    return waited as Promise<Waited<EventFor<P, Pattern>>>;
  }

  /**
   * Sends a command at most once and waits for its reply; waits for a connection first if necessary.
   * @throws {TidemarkError} the server rejected the command; {ConnectionError} `timeout`, `connection_lost` (the server may
   * have executed the command), `client_closed`, `refused`, `unreachable`; the signal's reason.
   */
  command<const Name extends PlainCommand<P>>(
    name: Name,
    data: P['commands'][Name],
    options: CallOptions = {},
  ): Promise<P['replies'][Name]> {
    return this.#ask(name, data as object, options);
  }

  /** Checks that the server answers. */
  ping(options?: CallOptions): Promise<P['replies']['ping']> {
    return this.#ask('ping', {}, options);
  }

  /**
   * Resolves when every matching event that was published on the stream before this call has been received (SYN-1).
   * Events may still wait in a subscription's buffer.
   */
  sync(stream = 'main', options?: CallOptions): Promise<P['replies']['sync']> {
    return this.#ask('sync', { stream }, options);
  }

  /** Publishes one event, if the server allows it (BRD-2). With an `idempotencyKey`, the call can be repeated safely. */
  broadcast<const Name extends EventName<P> | (string & {})>(
    event: BroadcastOf<P, Name>,
    options?: CallOptions,
  ): Promise<P['replies']['broadcast']> {
    return this.#ask('broadcast', event, options);
  }

  /** Asks the server for the subscriptions of this connection. */
  listSubscriptions(options?: CallOptions): Promise<P['replies']['list_subscriptions']> {
    return this.#ask('list_subscriptions', {}, options);
  }

  /**
   * Replaces the credential of the connection. Subscriptions that the new credential covers continue, the others end
   * (SEC-3). Later connections use the new token too, unless the client has a token function.
   */
  async authenticate(token: string, options?: CallOptions): Promise<P['replies']['authenticate']> {
    const reply = await this.#ask('authenticate', { token }, options);
    this.#connection.adopt(token, reply as Frame['data']);
    return reply;
  }

  /**
   * Ends every subscription, rejects pending calls with {@link ConnectionError} `client_closed`, and closes the
   * connection. Iterators end without an error. Resolves when the server has closed the connection too, or after a
   * second.
   */
  close(): Promise<void> {
    return this.#connection.stop(closedError());
  }

  async #ask<Name extends keyof P['commands'] & keyof P['replies'] & string>(
    name: Name,
    data: object,
    options: CallOptions | undefined,
  ): Promise<P['replies'][Name]> {
    return (await this.#connection.call(name, data as Frame['data'], options)) as P['replies'][Name];
  }

  #makePort(): FeedPort {
    const { random, backoff } = this.#settings;
    return {
      request: (command, data, settle) => {
        const ready = this.#connection.state === 'ready';
        if (ready) this.#pacer.request(command, data, settle);
        return ready;
      },
      backoffMs: (attempt) => backoffDelayMs(attempt, random, backoff),
      onGap: (gap) => this.#emitter.emit('gap', gap),
      onResumed: (feed) => {
        const recovery = (feed.recovery ?? {}) as P['replies']['subscribe']['recovery'];
        this.#emitter.emit('resumed', { subscriptionId: feed.id, stream: feed.stream, recovery });
      },
      onPostponed: ({ id, stream }, error, delayMs) =>
        this.#emitter.emit('postponed', { subscriptionId: id, stream, error, delayMs }),
      onParked: (feed) => this.#emitter.emit('parked', { subscriptionId: feed.id, position: feed.position }),
      onViolation: (error) => this.#emitter.emit('error', error),
      onDetached: (feed) => {
        if (this.#feeds.get(feed.id) === feed) this.#feeds.delete(feed.id);
        this.#connection.review();
      },
    };
  }

  #welcomed(data: Frame['data']): void {
    this.#welcome = data as unknown as P['pushes']['welcome'];
    const interval = heartbeatIntervalOf(data.heartbeatIntervalMs);
    if (interval !== undefined) this.#connection.expectHeartbeats(interval);
    this.#emitter.emit('welcome', this.#welcome);
    this.#contract = matchContract(this.#spec, data);
    if (!this.#contract.matches) this.#emitter.emit('contractMismatch', this.#contract);
    this.#settleReady();
  }

  /** Called when commands can be sent, and when `welcome` was received. Emits `ready` when both have happened. */
  #settleReady(): void {
    if (this.state !== 'open' || this.#welcome === undefined) return;
    this.#emitter.emit('ready', { url: this.#settings.url });
    this.#settleConnectCalls();
  }

  #settleConnectCalls(): void {
    if (this.state !== 'open' || this.#welcome === undefined) return;
    this.#connectCalls.resolve(this.#welcome);
  }

  #ended(end: ConnectionEnd): void {
    this.#welcome = undefined;
    this.#pacer.reset();
    const forget = end.class === 'retry-fresh' ? 'state_invalidated' : undefined;
    for (const feed of [...this.#feeds.values()]) feed.disconnected(forget);
    this.#emitter.emit('closed', end);
  }

  #stopped(error: unknown): void {
    this.#pacer.reset();
    const byOwner = error instanceof ConnectionError && error.reason === 'client_closed';
    const aborted = this.#signal?.aborted === true && error === this.#signal.reason;
    const atOnce = byOwner || aborted;
    this.#welcome = undefined;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    for (const feed of [...this.#feeds.values()]) feed.shutDown(byOwner ? undefined : error, { atOnce });
    this.#connectCalls.reject(error);
    if (atOnce)
      this.#emitter.emit('closed', { code: 1000, reason: 'client closed', class: undefined, willReconnect: false });
    else if (error instanceof Error) this.#emitter.emit('error', error);
  }

  readonly #onAbort = (): void => void this.#connection.stop(this.#signal?.reason);

  #nextId(): string {
    do this.#lastSubscription += 1;
    while (this.#feeds.has(`s${this.#lastSubscription}`));
    return `s${this.#lastSubscription}`;
  }
}
