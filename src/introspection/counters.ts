/**
 * Every count of the process, for health (OPS-1) and metrics (OPS-4). Counts only grow, and remain after their
 * connections have ended. The code that does the work updates them; `http/metrics.ts` renders them.
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

  /** Connections accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  countAccepted(): void {
    this.#accepted += 1;
  }

  /** Upgrades and requests for events refused, by HTTP status. */
  get refused(): Tally<number> {
    return this.#refused;
  }

  countRefused(status: number): void {
    add(this.#refused, status);
  }

  /** Connections closed, by close code: the server's code if the server closed the connection, otherwise the received one. */
  get closed(): Tally<number> {
    return this.#closed;
  }

  countClosed(code: number): void {
    add(this.#closed, code);
  }

  /** Connections that the server closed because their send queue passed a hard bound (BCK-2); counted when the close starts. */
  get closedSlow(): number {
    return this.#closedSlow;
  }

  countClosedSlow(): void {
    this.#closedSlow += 1;
  }

  /** Live event messages queued for connections. */
  get deliveries(): number {
    return this.#deliveries;
  }

  countDeliveries(messages: number): void {
    this.#deliveries += messages;
  }

  /** Live event frames built: fewer than deliveries if connections share frames. */
  get encodings(): number {
    return this.#encodings;
  }

  countEncoding(): void {
    this.#encodings += 1;
  }

  /** Events that this node published, by name, with `*` for all custom events; repetitions of an idempotency key are not counted. */
  get published(): Tally<string> {
    return this.#published;
  }

  countPublished(event: string): void {
    add(this.#published, event);
  }

  /** Time from `emittedAt` of an event until it was queued for its last subscriber on this node. Events without it do not count. */
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

  /** Replays by kind, failed resumes, and the number of replayed events. */
  get replay(): Readonly<{ warm: number; resume: number; failed: number; events: number }> {
    return this.#replay;
  }

  /** Time from `subscribed` until `replay_complete` was queued, by kind. */
  get replaySeconds(): Readonly<Record<'warm' | 'resume', Distribution>> {
    return this.#replaySeconds;
  }

  countReplay({ kind, events, ms }: FinishedReplay): void {
    this.#replay[kind] += 1;
    this.#replay.events += events;
    this.#replaySeconds[kind].observe(ms);
  }

  /** A resume that ended in a gap. */
  countFailedResume(): void {
    this.#replay.failed += 1;
  }

  /** Gaps sent to clients, by reason. */
  get gaps(): Tally<GapReason> {
    return this.#gaps;
  }

  countGap(reason: GapReason): void {
    add(this.#gaps, reason);
  }

  /** Commands refused, by error code. */
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
