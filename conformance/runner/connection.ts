/** One connection of an actor: writes every frame into the trace, and lets steps wait for messages. */
import { HTTP_OPERATIONS, SUBPROTOCOL } from '../../generated/protocol.ts';
import { SecretError, present, secretsIn, withoutSecrets } from '../target/credential.ts';
import type { Presented } from '../target/credential.ts';
import { isObject, textAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { EVENT_STREAM } from '../trace/reading.ts';
import { HANDSHAKE_MARK } from '../trace/outstanding.ts';
import { openSocket } from '../target/socket.ts';
import type { Handshake, Refused, Socket } from '../target/socket.ts';
import { openEventStream } from '../target/event-stream.ts';
import type { ActorSpec, EventStreamSpec, RawFrame } from '../tape/tape.ts';
import type { Frame, NewFrame } from '../trace/trace.ts';
import { RateAllowance } from './rate-allowance.ts';
import { causeOfMiss, readingOf } from './cause.ts';
import { UntestableError, UnreachableError } from './context.ts';
import type { RunContext } from './context.ts';
import { closeCodeOf, commandOf, queryOf, rememberPosition } from './event-stream.ts';
import { Signal } from './signal.ts';
import type { Cause } from './verdict.ts';

export interface Closed {
  readonly code: number;
  readonly reason: string;
  readonly frame: Frame;
}

export interface ConnectOptions {
  readonly actor: string;
  readonly spec: ActorSpec;
  /** If set, connects by server-sent events, with this request. */
  readonly events?: EventStreamSpec;
  /** Set if the request must be refused: then it may break the contract on purpose. */
  readonly expected?: 'refused';
  readonly check: string;
  readonly timeoutMs: number;
}

/**
 * The credential of an actor: the credential that the actor names, otherwise the default credential, if one is
 * configured.
 */
export async function credentialOf(
  name: string | undefined,
  context: Pick<RunContext, 'config'>,
): Promise<Presented | undefined> {
  const { credentials } = context.config;
  if (name === 'none') return undefined;
  const found = credentials[name ?? 'default'];
  if (found === undefined && name !== undefined)
    throw new UntestableError(
      `the configuration has no credential ${JSON.stringify(name)}; add it under "credentials"`,
    );
  try {
    return found === undefined ? undefined : await present(found);
  } catch (error) {
    if (error instanceof SecretError) throw new UntestableError(error.message);
    throw error;
  }
}

/** How many characters of raw content are kept in the trace. */
const SHOWN = 4096;

/** The part of the run's context that a connection needs. There is no profile yet when the probe connects. */
export type ConnectionContext = Omit<RunContext, 'profile'> & Partial<Pick<RunContext, 'profile'>>;

function allowanceOf({ profile, now }: ConnectionContext): RateAllowance | undefined {
  return profile === undefined ? undefined : new RateAllowance(profile.welcome.limits, now);
}

export class Connection {
  readonly number: number;
  readonly actor: string;
  /** Text frames received, in order. */
  readonly received: Frame[] = [];
  /** Indices of `received` that a step has already claimed. */
  readonly taken = new Set<number>();
  readonly signal: Signal;
  closed: Closed | undefined;
  /** For each message that arrived as the data of a server-sent event: the fields of that event. */
  readonly fields = new Map<Frame, JsonObject>();
  /** The messages that arrived with an `id`. */
  readonly #identified = new Set<Frame>();
  /** Headers of a response with server-sent events. */
  headers: Readonly<Record<string, string>> = {};
  readonly #context: ConnectionContext;
  /** The id of the check for which the suite opened this connection. */
  readonly check: string;
  #socket: Socket | undefined;
  #allowance: RateAllowance | undefined;
  /** How many commands were sent with each id. */
  readonly #ids = new Map<string, number>();
  #fragments = '';
  #reading: 'on' | 'off' = 'on';
  #opened: 'yes' | 'no' = 'no';

  constructor(context: ConnectionContext, options: ConnectOptions) {
    this.#context = context;
    this.check = options.check;
    this.actor = options.actor;
    this.number = context.trace.nextConnection();
    this.signal = new Signal(context.clock.timer);
  }

  /** Opens the connection. Resolves with the response if the server rejected the upgrade, otherwise with undefined. */
  async open(options: ConnectOptions): Promise<Refused | undefined> {
    const { spec, events } = options;
    const credential = await credentialOf(spec.credential, this.#context);
    const headers = { ...credential?.headers, ...spec.headers };
    for (const secret of secretsIn(headers)) this.#context.trace.conceal(secret);
    const handshake = await (events === undefined
      ? this.#openSocket(options, headers)
      : this.#openEventStream(events, headers, options));
    return this.#settle(handshake);
  }

  #openSocket({ spec, timeoutMs }: ConnectOptions, headers: Readonly<Record<string, string>>): Promise<Handshake> {
    const url = new URL(this.#context.config.url);
    for (const [key, value] of Object.entries(spec.query ?? {})) url.searchParams.set(key, value);
    return openSocket({
      url: url.href,
      protocols: spec.protocols ?? [SUBPROTOCOL],
      headers,
      pong: spec.pong ?? 'auto',
      timeoutMs,
      timer: this.#context.clock.timer,
      onOpen: (protocol) => {
        this.#opened = 'yes';
        this.#add({ dir: '<<', kind: 'open', text: JSON.stringify({ protocol }) });
      },
      onFrame: (kind, content) => this.#received({ kind, text: content }),
      onClose: (code, reason) => this.#ended(code, reason),
      onFault: (text) => this.#received({ kind: 'mark', text: `unreadable: ${text}` }),
    });
  }

  #openEventStream(
    events: EventStreamSpec,
    headers: Readonly<Record<string, string>>,
    { expected, timeoutMs }: ConnectOptions,
  ): Promise<Handshake> {
    const { config, trace } = this.#context;
    const url = new URL(HTTP_OPERATIONS.get_events.path, config.httpUrl);
    url.search = queryOf(events).toString();
    const { lastEventId } = events;
    const equivalent = commandOf(events, trace);
    return openEventStream({
      url,
      headers: { ...headers, ...(typeof lastEventId === 'string' ? { 'last-event-id': lastEventId } : {}) },
      timeoutMs,
      timer: this.#context.clock.timer,
      onOpen: (answered) => {
        this.#opened = 'yes';
        // Reports show the headers.
        const shown = trace.headersWithoutSecrets(answered);
        this.headers = shown;
        this.#add({ dir: '<<', kind: 'open', text: JSON.stringify({ by: EVENT_STREAM, headers: shown }) });
        const command = { dir: '>>', kind: 'text', text: JSON.stringify(equivalent) } as const;
        this.#add(expected === 'refused' ? { ...command, malformed: true } : command);
      },
      onEvent: ({ data, ...fields }) => {
        const frame = this.#received({ kind: 'text', text: data });
        this.fields.set(frame, { ...fields });
        const { id } = fields;
        if (id !== undefined) {
          this.#identified.add(frame);
          const { received } = this;
          rememberPosition(trace, { id, frame, received, identified: this.#identified, command: equivalent });
        }
        this.signal.notify();
      },
      onFault: (text) => this.#received({ kind: 'mark', text: `unreadable: ${text}` }),
      onClose: () => this.#ended(closeCodeOf(this.received), ''),
    });
  }

  #settle(handshake: Handshake): Refused | undefined {
    if ('unreachable' in handshake) {
      this.#add({ dir: '>>', kind: 'mark', text: `${HANDSHAKE_MARK}: ${handshake.unreachable}` });
      throw new UnreachableError(`${this.actor} cannot connect: ${handshake.unreachable}`);
    }
    if ('faulty' in handshake) return { status: 101, headers: {}, body: handshake.faulty };
    if ('refused' in handshake) {
      // The refusal is also shown in reports.
      const refused = this.#withoutSecrets(handshake.refused);
      const shown = { ...refused, body: refused.body.slice(0, 2000) };
      this.#add({ dir: '<<', kind: 'refused', text: JSON.stringify(shown) });
      return refused;
    }
    this.#allowance = allowanceOf(this.#context);
    this.#socket = handshake.socket;
    this.#context.connections.add(this);
    return undefined;
  }

  #withoutSecrets({ status, headers, body }: Refused): Refused {
    const { trace } = this.#context;
    return { status, headers: trace.headersWithoutSecrets(headers), body: trace.withoutSecrets(body) };
  }

  get isOpen(): boolean {
    return this.#socket !== undefined && this.closed === undefined;
  }

  cut(): void {
    this.#socket?.cut();
  }

  get protocol(): string {
    return this.#socket?.protocol ?? '';
  }

  #add(frame: Omit<NewFrame, 'actor' | 'connection' | 'check'>): Frame {
    const added = this.#context.trace.add({ ...frame, actor: this.actor, connection: this.number, check: this.check });
    const id = frame.dir === '>>' ? textAt(added.json, 'id') : undefined;
    if (id !== undefined) this.#ids.set(id, (this.#ids.get(id) ?? 0) + 1);
    return added;
  }

  /** How many commands were sent with this id. */
  readonly commandsWith = (id: string): number => this.#ids.get(id) ?? 0;

  #received(frame: Pick<NewFrame, 'kind' | 'text'>): Frame {
    const added = this.#add({ ...frame, dir: '<<' });
    if (frame.kind === 'text') this.received.push(added);
    this.signal.notify();
    return added;
  }

  #ended(code: number, sent: string): void {
    // If the handshake failed, there was no connection that could end. The failure is reported elsewhere.
    if (this.#opened === 'no') return;
    const reason = this.#context.trace.withoutSecrets(sent);
    const frame = this.#add({ dir: '<<', kind: 'close', text: JSON.stringify({ code, reason }) });
    this.closed = { code, reason, frame };
    this.signal.notify();
  }

  /** Sends a command, within the rate that the target allows. */
  async sendCommand(text: string): Promise<void> {
    const waitMs = this.#allowance?.take() ?? 0;
    if (waitMs > 0)
      await new Promise((done) => {
        setTimeout(done, waitMs);
      });
    this.sendText(text, 'fitting');
  }

  sendText(text: string, kind: 'fitting' | 'malformed'): void {
    for (const secret of secretsIn({}, text)) this.#context.trace.conceal(secret);
    this.#add({
      dir: '>>',
      kind: 'text',
      text: withoutSecrets(text),
      ...(kind === 'malformed' ? { malformed: true } : {}),
    });
    this.#socket?.sendText(text);
  }

  sendFrame(frame: RawFrame): void {
    const { opcode, times = 1, fin = true } = frame;
    const content = (frame.hex ?? frame.text ?? '').repeat(Math.min(times, SHOWN));
    this.#fragments += content.slice(0, SHOWN);
    // The fragments of a message count as one message, which is complete with the last fragment.
    if (fin) {
      this.#add({ dir: '>>', kind: opcode, text: this.#fragments.slice(0, SHOWN), malformed: true });
      this.#fragments = '';
    }
    this.#socket?.sendFrame(frame);
  }

  /** Closes the connection with a code, or ends it without a close frame. Resolves when the connection has ended. */
  async end(how: { readonly code?: number }, timeoutMs: number): Promise<void> {
    const { code } = how;
    this.#add({ dir: '>>', kind: 'close', text: JSON.stringify({ code: code ?? 1006, reason: '' }) });
    if (code === undefined) this.#socket?.cut();
    else this.#socket?.close(code);
    await this.signal.until(() => this.closed, timeoutMs);
    this.#socket?.cut();
  }

  setReading(state: 'on' | 'off'): void {
    if (state === this.#reading) return;
    this.#reading = state;
    this.#add({ dir: '>>', kind: 'mark', text: `reading ${state}` });
    this.#socket?.setReading(state);
  }

  /** Why an expected message did not arrive. @param pattern the expected message, in the notation of a tape */
  causeOfMiss(pattern: Json): Cause | undefined {
    const reading = readingOf(this.#context.trace, this.number);
    return reading === undefined ? undefined : causeOfMiss(reading, pattern);
  }

  /**
   * Finds a message among those that have arrived, or waits for it. Resolves to undefined after the time-out, or when
   * the connection has ended.
   */
  find(fits: (frame: Frame) => boolean, timeoutMs: number): Promise<Frame | undefined> {
    return this.signal
      .until(() => {
        const found = this.received.find(fits);
        return found ?? (this.closed === undefined ? undefined : 'closed');
      }, timeoutMs)
      .then((found) => (found === 'closed' ? undefined : found));
  }
}

/** The type of a received message. */
export function typeOf(frame: Frame): string | undefined {
  const type = isObject(frame.json) ? frame.json['type'] : undefined;
  return typeof type === 'string' ? type : undefined;
}
