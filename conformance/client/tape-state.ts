/** The state of one running client tape: the suite's server, the program, and what both have received. */
import { serverValidators } from '../../generated/validators.js';
import { HarnessError } from '../runner/context.ts';
import { StepFailed } from '../runner/tape-state.ts';
import type { PacedClock } from '../runner/paced-clock.ts';
import { Signal } from '../runner/signal.ts';
import type { Failure } from '../runner/verdict.ts';
import { isDeclared } from '../filters/declared-events.ts';
import { asText, member, textAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { NewFrame, Trace } from '../trace/trace.ts';
import { Driver } from './driver.ts';
import { Host } from './host.ts';
import type { Peer, Upgrade } from './host.ts';
import { ECHO, ProgramTime } from './program-time.ts';

/** The name of the client under test in the trace. */
const CLIENT = 'client';

/** The time at which the client did something. */
export interface Moment {
  readonly at: number;
  /** The last earlier time at which the program has certainly run (`program-time.ts`); undefined if the program has no `echo`. */
  readonly provenAt: number | undefined;
}

/** A received item, and whether a step has already taken it. */
export interface Item extends Moment {
  readonly value: JsonObject;
  /** The frame of the item in the trace. */
  readonly frame: number;
  taken: boolean;
}

/** An attempt of the client to connect. */
export type Attempt = Upgrade & Moment;

/** A delay of the client. */
export interface Wait {
  readonly ms: number;
  /** How long the program had no processor time. */
  readonly pausedMs: number;
  /** How long the program has certainly run in that time without acting. */
  readonly provenMs: number;
}

/** One connection of the client. */
export interface Link {
  readonly peer: Peer;
  readonly number: number;
  readonly commands: Item[];
  /** The number of event messages that were sent, including those that the tape only counts as sent. */
  delivered: number;
  ended: ({ readonly code: number; readonly reason: string } & Moment) | undefined;
}

export interface ClientTapeStateOptions {
  readonly check: string;
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly trace: Trace;
  readonly now: () => number;
  readonly timeScale: number;
  /** Counts time limits; a busy machine makes them longer. */
  readonly machineClock: PacedClock;
  /** How many programs of the whole run have connected, and how many have not. */
  readonly connects: { made: number; missed: number };
}

export class ClientTapeState {
  readonly options: ClientTapeStateOptions;
  readonly programTime: ProgramTime;
  readonly signal: Signal;
  readonly bindings = new Map<string, Json>();
  readonly upgrades: Attempt[] = [];
  readonly notices: Item[] = [];
  /** The delays of the client between the end of a connection and the next attempt. */
  readonly waits: Wait[] = [];
  /** Why a pass proves nothing. For example, the program had no processor time, so it could not do anything wrong. */
  readonly doubts: string[] = [];
  /** Whether the client has ended a connection or an attempt to connect, perhaps because the suite did not act in time. */
  hasGivenUp = false;
  /** Number of expectations that were met so far. */
  judged = 0;
  /** When the suite last began a step to which the client may react. */
  actedAt = 0;
  /** When the last connection, or attempt, ended. */
  endedAt: number | undefined;
  /** How the program ended; undefined while it runs. */
  exit: string | undefined;
  #link: Link | undefined;
  #host: Host | undefined;
  #driver: Driver | undefined;

  private constructor(options: ClientTapeStateOptions) {
    this.options = options;
    this.programTime = new ProgramTime({ now: options.now, machine: options.machineClock });
    this.signal = new Signal(this.programTime.timer);
  }

  /** @throws {DriverError} when the program does not start. */
  static async open(options: ClientTapeStateOptions): Promise<ClientTapeState> {
    const state = new ClientTapeState(options);
    state.#host = await Host.start(options.now, (upgrade) => {
      state.upgrades.push({ ...upgrade, provenAt: state.programTime.provenAt });
      state.signal.notify();
    });
    try {
      state.#driver = await Driver.start({
        command: options.command,
        env: options.env,
        timer: options.machineClock.timer,
        hooks: {
          onNotice: (notice) => state.#noticed(notice),
          onGarbage: (line) => state.#record({ dir: '>>', kind: 'mark', text: line }),
          onExit: (reason) => {
            state.exit = reason;
            state.programTime.close();
            state.signal.notify();
          },
        },
      });
      const driver = state.#driver;
      if (driver.supports.includes(ECHO)) state.programTime.follow((command) => driver.send(command));
      return state;
    } catch (error) {
      await state.#host.stop();
      throw error;
    }
  }

  get supports(): readonly string[] {
    return this.#driver?.supports ?? [];
  }

  /** The newest connection. @throws {HarnessError} when there is none. */
  get link(): Link {
    if (this.#link === undefined) throw new HarnessError(`${this.options.check} uses a connection before "open".`);
    return this.#link;
  }

  /** The client's oldest attempt to connect that the client has not given up. */
  takeUpgrade(): Attempt | undefined {
    let next = this.upgrades.shift();
    while (next?.isPending() === false) {
      this.hasGivenUp = true;
      next = this.upgrades.shift();
    }
    return next;
  }

  drive(command: JsonObject): void {
    const full = command['do'] === 'connect' ? { ...command, url: this.#host?.url ?? '' } : command;
    this.#record({ dir: '<<', kind: 'mark', text: JSON.stringify(full) });
    this.#driver?.send(full);
  }

  async accept(upgrade: Upgrade): Promise<void> {
    const number = this.options.trace.nextConnection();
    const commands: Item[] = [];
    const opened: { link: Link | undefined } = { link: undefined };
    const early: ((link: Link) => void)[] = [];
    // The client may send a ping or a close before `upgrade.accept` has resolved. This work waits for the link.
    const withLink = (work: (link: Link) => void): void => {
      if (opened.link === undefined) early.push(work);
      else work(opened.link);
    };
    this.#record({ dir: '>>', kind: 'open', text: JSON.stringify(upgrade.request['protocols']), connection: number });
    const peer = await upgrade.accept({
      onFrame: (kind, content) => {
        const frame = this.#record({ dir: '>>', kind, text: content, connection: number });
        if (kind === 'text') {
          const value = this.#commanded(commands, frame.json, frame.n);
          if (value['type'] === 'ping') withLink((link) => this.#answerPing(value, link));
        }
        if (kind === 'ping') withLink((link) => link.peer.sendFrame({ opcode: 'pong', hex: content }));
        if (kind === 'pong')
          commands.push({ value: { frame: 'pong' }, frame: frame.n, ...this.#moment(), taken: false });
        this.signal.notify();
      },
      onClose: (code, reason) => {
        this.#record({ dir: '>>', kind: 'close', text: `${code} ${reason}`.trim(), connection: number });
        withLink((link) => {
          if (link.ended !== undefined) return;
          this.hasGivenUp = true;
          this.end(link, code, reason);
        });
        this.signal.notify();
      },
    });
    const link: Link = { peer, number, commands, delivered: 0, ended: undefined };
    opened.link = link;
    this.#link = link;
    for (const work of early) work(link);
    this.signal.notify();
  }

  refuse(upgrade: Upgrade, status: number): void {
    this.#record({ dir: '>>', kind: 'refused', text: JSON.stringify({ status }) });
    upgrade.refuse(status);
    this.endedAt = this.options.now();
  }

  /** Marks a connection as ended, whether the suite or the client ended it. */
  end(link: Link, code: number, reason: string): void {
    link.ended = { code, reason, ...this.#moment() };
    this.endedAt = link.ended.at;
  }

  /** Sends a message that must be valid. @throws {HarnessError} when it is not. */
  send(message: JsonObject, where: string): void {
    assertValid(message, where);
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    if (this.link.ended !== undefined) return;
    const frame = this.#record({ dir: '<<', kind: 'text', text, connection: this.link.number });
    if (textAt(frame.json, 'type') === 'event') this.link.delivered += 1;
    this.link.peer.sendText(text);
  }

  /** Records in the trace what the suite does to a connection apart from sending messages. */
  note(text: string): void {
    this.#record({ dir: '<<', kind: 'mark', text, connection: this.link.number });
  }

  fail(failure: Omit<Failure, 'frames'> & { readonly frames?: readonly number[] }): never {
    const exited = this.exit === undefined ? '' : ` (the program has ended with ${this.exit})`;
    throw new StepFailed({ frames: [], ...failure, text: `${failure.text}${exited}` });
  }

  /** Gives the program time to write its last notices, but waits at most for the time limit. */
  async settle(limitMs: number): Promise<void> {
    if (!(await this.programTime.settled(limitMs)))
      this.doubts.push('the program did not answer `echo` at the end of the tape, so it may have more to report');
  }

  /** Closes the client, and ends the program and the server. */
  async close(): Promise<void> {
    this.programTime.close();
    if (this.exit === undefined) this.drive({ do: 'close' });
    await this.#driver?.end();
    await this.#host?.stop();
  }

  #commanded(commands: Item[], json: Json | undefined, frame: number): JsonObject {
    const value: JsonObject = { type: textAt(json, 'type') ?? '', ...(json as JsonObject) };
    commands.push({ value, frame, ...this.#moment(), taken: false });
    return value;
  }

  /** Answers a ping. Tapes need no step for this, because a client may send pings at any time. */
  #answerPing(value: JsonObject, link: Link): void {
    const pong = { type: 'pong', id: asText(value['id']), data: { time: new Date().toISOString() } };
    const text = JSON.stringify(pong);
    this.#record({ dir: '<<', kind: 'text', text, connection: link.number });
    link.peer.sendText(text);
  }

  #moment(): Moment {
    return { at: this.options.now(), provenAt: this.programTime.provenAt };
  }

  #noticed(value: JsonObject): void {
    if (this.programTime.takes(value)) return;
    const frame = this.#record({ dir: '>>', kind: 'mark', text: JSON.stringify(value) });
    this.notices.push({ value, frame: frame.n, ...this.#moment(), taken: false });
    this.signal.notify();
  }

  #record(frame: Pick<NewFrame, 'dir' | 'kind' | 'text'> & { readonly connection?: number }): {
    readonly n: number;
    readonly json: Json | undefined;
  } {
    const { check, trace } = this.options;
    return trace.add({ actor: CLIENT, check, ...frame, connection: frame.connection ?? 0 });
  }
}

/** Throws if a message of the suite is invalid by the contract, because this is a bug of the suite or of the tape. */
function assertValid(message: JsonObject, where: string): void {
  const type = textAt(message, 'type') ?? '';
  const event = textAt(member(message, 'data'), 'event') ?? '';
  const eventName = isDeclared(event) ? event : 'custom_event';
  const name = type === 'event' ? eventName : type;
  const validators: Readonly<Record<string, (value: unknown) => boolean>> = serverValidators;
  if (!Object.hasOwn(validators, name) || validators[name]?.(message) !== true)
    throw new HarnessError(
      `${where} sends ${JSON.stringify(message)}, which is not valid by the contract; use "sendText" for invalid messages`,
    );
}
