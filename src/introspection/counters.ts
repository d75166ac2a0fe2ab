/**
 * The counts of a gateway, for health (OPS-1) and metrics (OPS-4). A count never decreases, and it includes connections that have ended.
 * The code that does the counted work updates the counts; `http/metrics.ts` formats them.
 */
import { COMMANDS } from '../../generated/protocol.ts';
import type { CommandName, ErrorCode, GapReason } from '../../generated/protocol.ts';
import { Distribution } from './distribution.ts';

/** A count for each value of a label. */
export type Tally<Label extends string | number> = ReadonlyMap<Label, number>;

export interface FinishedReplay {
  readonly kind: 'warm' | 'resume';
  readonly events: number;
  /** The duration of the replay, in milliseconds. */
  readonly ms: number;
}

export class Counters {
  #accepted = 0;
  #closedSlow = 0;
  #deliveries = 0;
  #encodings = 0;
  readonly #published = new Map<string, number>();
  readonly #replay = { warm: 0, resume: 0, failed: 0, events: 0 };
  readonly #replaySeconds = { warm: new Distribution(), resume: new Distribution() } as const;
  readonly #deliverySeconds = new Distribution();
  readonly #commandSeconds = new Map<CommandName, Distribution>(
    (Object.keys(COMMANDS) as CommandName[]).map((name) => [name, new Distribution()]),
  );
  readonly #refused = new Map<number, number>();
  readonly #closed = new Map<number, number>();
  readonly #gaps = new Map<GapReason, number>();
  readonly #errors = new Map<ErrorCode, number>();

  /** Number of accepted connections. */
  get accepted(): number {
    return this.#accepted;
  }

  countAccepted(): void {
    this.#accepted += 1;
  }

  /** Number of refused upgrades and refused requests for server-sent events, by HTTP status. */
  get refused(): Tally<number> {
    return this.#refused;
  }

  countRefused(status: number): void {
    add(this.#refused, status);
  }

  /**
   * Number of closed connections, by close code. If the server closed the connection, this is the code that the server sent, otherwise the
   * code that the client sent.
   */
  get closed(): Tally<number> {
    return this.#closed;
  }

  countClosed(code: number): void {
    add(this.#closed, code);
  }

  /** Number of connections that the server closed because their send queue exceeded a hard limit (BCK-2). Counted when the close begins. */
  get closedSlow(): number {
    return this.#closedSlow;
  }

  countClosedSlow(): void {
    this.#closedSlow += 1;
  }

  /** Number of live event messages that were queued for connections. */
  get deliveries(): number {
    return this.#deliveries;
  }

  countDeliveries(messages: number): void {
    this.#deliveries += messages;
  }

  /** Number of live event frames that were built. It is smaller than the number of deliveries if connections share frames. */
  get encodings(): number {
    return this.#encodings;
  }

  countEncoding(): void {
    this.#encodings += 1;
  }

  /**
   * Number of events that this node published, by name; `*` counts all custom events. An event that repeats an idempotency key is not
   * counted.
   */
  get published(): Tally<string> {
    return this.#published;
  }

  countPublished(event: string): void {
    add(this.#published, event);
  }

  /**
   * Time from `emittedAt` of an event until the event was queued for its last subscriber on this node. Events without a subscriber on this
   * node are not included.
   */
  get deliverySeconds(): Distribution {
    return this.#deliverySeconds;
  }

  countDeliveryTime(ms: number): void {
    this.#deliverySeconds.observe(ms);
  }

  /** Time from the arrival of a command until its reply or error was queued. */
  get commandSeconds(): ReadonlyMap<CommandName, Distribution> {
    return this.#commandSeconds;
  }

  countCommand(name: CommandName, ms: number): void {
    this.#commandSeconds.get(name)?.observe(ms);
  }

  /** The number of replays of each kind, the number of failed resumes, and the number of replayed events. */
  get replay(): Readonly<{ warm: number; resume: number; failed: number; events: number }> {
    return this.#replay;
  }

  /** Time from `subscribed` until `replay_complete` was queued, by kind of replay. */
  get replaySeconds(): Readonly<Record<'warm' | 'resume', Distribution>> {
    return this.#replaySeconds;
  }

  countReplay({ kind, events, ms }: FinishedReplay): void {
    this.#replay[kind] += 1;
    this.#replay.events += events;
    this.#replaySeconds[kind].observe(ms);
  }

  /** Counts a resume that failed and was answered with a gap. */
  countFailedResume(): void {
    this.#replay.failed += 1;
  }

  /** Number of gaps sent to clients, by reason. */
  get gaps(): Tally<GapReason> {
    return this.#gaps;
  }

  countGap(reason: GapReason): void {
    add(this.#gaps, reason);
  }

  /** Number of refused commands, by error code. */
  get errors(): Tally<ErrorCode> {
    return this.#errors;
  }

  countError(code: ErrorCode): void {
    add(this.#errors, code);
  }
}

function add<Label>(tally: Map<Label, number>, label: Label): void {
  tally.set(label, (tally.get(label) ?? 0) + 1);
}
