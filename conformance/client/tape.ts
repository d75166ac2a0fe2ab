/**
 * The types of a client tape: a tape with the roles exchanged. The suite acts as the server, so `open` waits until the
 * client connects, `send` is what the server sends, and `recv` is what the client must send. `drive` is an
 * instruction for the program that drives the client (see `driver.ts`), and `reported` is a report of that program.
 *
 *     {"tape":1,"id":"resume/after-a-cut","clauses":["CLI-5"],"level":"must","why":"…"}
 *     {"drive":{"do":"subscribe","id":"s1","events":["file_change"]}}
 *     {"open":{}}
 *     {"recv":{"type":"subscribe","data":{"subscriptionId":"s1"}},"bind":"sub"}
 *     {"accept":{"command":"sub","at":10}}
 *
 * The header, the matchers and `$bind`/`$ref` are those of a tape for servers.
 */
import type { RawFrame, StepBase, TapeHeader } from '../tape/tape.ts';
import type { Json, JsonObject } from '../trace/json.ts';

/** A range of time, in milliseconds. */
export interface Bounds {
  readonly least?: number;
  readonly most?: number;
}

export interface DriveStep extends StepBase {
  readonly verb: 'drive';
  /** An instruction for the program. To `connect`, the suite adds the address of its server. */
  readonly command: JsonObject;
}

export interface OpenStep extends StepBase {
  readonly verb: 'open';
  /** A pattern for `{protocols, headers, query}` of the client's upgrade. */
  readonly request?: Json;
  /** Members that replace members of the suite's `welcome`; `false` sends no `welcome`. */
  readonly welcome: JsonObject | false;
  /** Rejects the upgrade with this status. */
  readonly refuse?: number;
  /** The allowed time from the end of the previous connection or attempt until the client connects. */
  readonly waited?: Bounds;
  readonly within?: number;
}

export interface SendStep extends StepBase {
  readonly verb: 'send';
  /** A message that must be valid by the contract; an invalid message is a fault of the tape. */
  readonly message: JsonObject;
}

export interface SendTextStep extends StepBase {
  readonly verb: 'sendText';
  readonly text: Json;
}

export interface SendFrameStep extends StepBase {
  readonly verb: 'sendFrame';
  readonly frame: RawFrame;
}

/** Raw bytes for the socket, not framed as WebSocket messages, such as half a frame. */
export interface SendRawStep extends StepBase {
  readonly verb: 'sendRaw';
  readonly hex: string;
}

export interface RecvStep extends StepBase {
  readonly verb: 'recv';
  readonly pattern: Json;
  readonly bind?: string;
  readonly within?: number;
  readonly waited?: Bounds;
}

/** The client must send the command, or the program must report the notice: some clauses leave the choice to the client. */
export interface EitherStep extends StepBase {
  readonly verb: 'either';
  readonly pattern: Json;
  readonly or: Json;
  readonly within?: number;
}

export interface NeverStep extends StepBase {
  readonly verb: 'never';
  readonly pattern: Json;
  /** A command that the client sends later on the same connection. When it arrives, the forbidden command was not sent. */
  readonly until: Json;
  readonly within?: number;
}

/** Answers a bound `subscribe` command with `subscribed`. */
export interface AcceptStep extends StepBase {
  readonly verb: 'accept';
  readonly command: string;
  readonly at: number;
  readonly epoch?: string;
  /** The reason why the resume failed; undefined if it succeeded. */
  readonly failed?: string;
}

/** Sends consecutive events. */
export interface EmitStep extends StepBase {
  readonly verb: 'emit';
  /** The first and the last sequenceId. */
  readonly numbers: readonly [number, number];
  readonly subscriptions: readonly string[];
  readonly replay?: 'warm' | 'resume';
  readonly stream: string;
  readonly epoch?: string;
  /** Whether the events are counted as delivered, but not sent. */
  readonly lost: boolean;
}

export interface CompleteStep extends StepBase {
  readonly verb: 'complete';
  readonly subscription: string;
  readonly at: number;
  readonly epoch?: string;
}

export interface HeartbeatStep extends StepBase {
  readonly verb: 'heartbeat';
  readonly at: number;
  readonly stream: string;
  readonly epoch?: string;
  /** A number that is added to the true count of delivered events, so that the heartbeat reports a wrong count. */
  readonly extra: number;
}

export interface DropStep extends StepBase {
  readonly verb: 'drop';
  /**
   * If set, the connection is closed with a close frame that has this code. Otherwise, the TCP connection is ended without
   * a close frame.
   */
  readonly code?: number;
}

/** The client must end the connection. */
export interface ClosedStep extends StepBase {
  readonly verb: 'closed';
  readonly pattern: Json;
  readonly within?: number;
  readonly waited?: Bounds;
}

/** The program must report this. */
export interface ReportedStep extends StepBase {
  readonly verb: 'reported';
  readonly pattern: Json;
  readonly bind?: string;
  readonly within?: number;
}

/** The program must never report this, which is checked when the client has ended. */
export interface NotReportedStep extends StepBase {
  readonly verb: 'notReported';
  readonly pattern: Json;
}

/**
 * For `forMs` milliseconds, the client must neither connect nor send a command, except `ping`. Only time in which the program has
 * processor time counts, so the step takes longer on a busy machine.
 */
export interface QuietStep extends StepBase {
  readonly verb: 'quiet';
  readonly forMs: number;
  /** The longest duration of the step, for a tape that must send a heartbeat in time. At least 200 ms more than `forMs`. */
  readonly atMost?: number;
}

/** The allowed sum of the client's last delays before attempts to connect. */
export interface WaitsStep extends StepBase {
  readonly verb: 'waits';
  readonly last: number;
  readonly sum: Bounds;
}

export type ClientStep =
  | DriveStep
  | OpenStep
  | SendStep
  | SendTextStep
  | SendFrameStep
  | SendRawStep
  | RecvStep
  | EitherStep
  | NeverStep
  | AcceptStep
  | EmitStep
  | CompleteStep
  | HeartbeatStep
  | DropStep
  | ClosedStep
  | ReportedStep
  | NotReportedStep
  | QuietStep
  | WaitsStep;

export interface ClientTape {
  readonly header: TapeHeader;
  readonly steps: readonly ClientStep[];
  readonly file: string;
}
