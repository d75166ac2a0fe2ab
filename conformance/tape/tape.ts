/**
 * The types of a tape. A tape is data, not code. A file contains one tape, as one JSON object per line: first the
 * header, then the steps.
 *
 *     {"tape":1,"id":"ping/echo","clauses":["ENV-3"],"level":"must","why":"…","actors":{"alice":{}}}
 *     {"as":"alice","open":{}}
 *     {"as":"alice","send":{"type":"ping","id":"c1","data":{}}}
 *     {"as":"alice","recv":{"type":"pong","id":"c1"}}
 *
 * `tape.schema.json` in this directory is the JSON Schema of the format; `matcher-cases.json` has examples of the
 * matchers.
 */
import type { ClauseId } from '../../generated/protocol.ts';
import type { Json, JsonObject } from '../trace/json.ts';

export const TAPE_VERSION = 1;

export type Level = 'must' | 'should';

/** How a tape makes the target emit events: `publish` publishes any event, `files` changes files in a watched directory. */
export type StimulusKind = 'none' | 'publish' | 'files';

export interface ActorSpec {
  /** Subprotocols to offer; `[]` offers none. By default the subprotocol of the contract. */
  readonly protocols?: readonly string[];
  /** Which credential of the configuration to present at the upgrade; `none` presents none. */
  readonly credential?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Query parameters to add to the address. */
  readonly query?: Readonly<Record<string, string>>;
  /** Whether the actor answers WebSocket pings, as WebSocket libraries do by default. */
  readonly pong?: 'auto' | 'never';
}

export interface TapeHeader {
  readonly tape: typeof TAPE_VERSION;
  /** The path in `tapes/`, without extension: operation or push, then a name. */
  readonly id: string;
  readonly clauses: readonly ClauseId[];
  readonly level: Level;
  /** Conditions of the target under which the tape applies; see `target/needs.ts`. */
  readonly needs: readonly string[];
  readonly stimulus: StimulusKind;
  readonly why: string;
  readonly actors: Readonly<Record<string, ActorSpec>>;
}

export interface StepBase {
  /** The number of the line in the file. */
  readonly line: number;
  readonly note?: string;
}

interface ActorStep extends StepBase {
  readonly as: string;
}

/** Upper bound of a wait: milliseconds, or intervals of the server's heartbeat. `--time-scale` multiplies it. */
export type Within = number | { readonly heartbeats: number };

/** A connection by server-sent events (SSE-1). */
export interface EventStreamSpec {
  /** Query parameters. A list becomes one parameter per element. */
  readonly query: JsonObject;
  /** The header `Last-Event-ID`. */
  readonly lastEventId?: Json;
}

export interface OpenStep extends ActorStep {
  readonly verb: 'open';
  /** If set, the upgrade must be rejected: a pattern for `{status, headers, body}` of the response. */
  readonly refused?: Json;
  /** A pattern for the subprotocol that the server chose; the empty string when it chose none. */
  readonly protocol?: Json;
  /** If set, the actor connects by server-sent events instead of a WebSocket. */
  readonly events?: EventStreamSpec;
  /** With `events`: a pattern for the headers of the response. */
  readonly headers?: Json;
  readonly within?: Within;
}

export interface SendStep extends ActorStep {
  readonly verb: 'send';
  /** A command that is valid by the contract; an invalid one is a fault of the tape. */
  readonly message: JsonObject;
}

export interface SendTextStep extends ActorStep {
  readonly verb: 'sendText';
  /** The content of the text frame: a string is sent unchanged, any other value as JSON. */
  readonly text: Json;
}

export interface RawFrame {
  readonly opcode: 'text' | 'binary' | 'ping' | 'pong';
  readonly text?: string;
  readonly hex?: string;
  /** Repeats the content this many times, for large frames. */
  readonly times?: number;
  /** False when a fragment of the same message follows. */
  readonly fin?: boolean;
}

export interface SendFrameStep extends ActorStep {
  readonly verb: 'sendFrame';
  readonly frame: RawFrame;
}

export interface RecvStep extends ActorStep {
  readonly verb: 'recv';
  readonly pattern: Json;
  /** A pattern for `{event, id, retry}`: the fields of the server-sent event that has the message as its data. */
  readonly fields?: Json;
  readonly bind?: string;
  readonly within?: Within;
}

export interface NeverStep extends ActorStep {
  readonly verb: 'never';
  readonly pattern: Json;
  /**
   * The fence: a message that the server could only send after the forbidden message, such as a later event or
   * `synced`. When it arrives, the forbidden message cannot follow.
   */
  readonly until: Json;
  readonly within?: Within;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, Json>>;
  /** A string is sent unchanged, any other value as JSON. */
  readonly body?: Json;
  readonly credential?: string;
}

export interface HttpStep extends StepBase {
  readonly verb: 'http';
  readonly request: HttpRequest;
  /**
   * A pattern for `{status, headers, body}` of the response. With `within`, the request is repeated until the response matches or the
   * time has passed.
   */
  readonly expect: Json;
  readonly bind?: string;
  /** Sends this many copies of the request at the same time. At least one response must match. */
  readonly times?: number;
  readonly within?: Within;
}

export interface StimEvent {
  readonly stream?: string;
  readonly event: string;
  readonly payload: JsonObject;
  readonly source?: string;
}

export interface StimStep extends StepBase {
  readonly verb: 'stim';
  readonly events: readonly StimEvent[];
  readonly bind?: string;
}

export interface DropStep extends ActorStep {
  readonly verb: 'drop';
  /**
   * If set, the connection is closed with a close frame that has this code. Otherwise, the TCP connection is ended without
   * a close frame.
   */
  readonly code?: number;
}

export interface PauseStep extends ActorStep {
  readonly verb: 'pause';
  /** `read` stops reading from the socket, `off` resumes reading. */
  readonly what: 'read' | 'off';
}

export interface ClosedStep extends ActorStep {
  readonly verb: 'closed';
  /** A pattern for `{code, reason}` of the close. */
  readonly pattern: Json;
  readonly within?: Within;
}

export interface ControlStep extends StepBase {
  readonly verb: 'control';
  /** The name of the control command to run, such as `shutdown`. The configuration defines the commands. */
  readonly name: string;
}

export interface ParStep extends StepBase {
  readonly verb: 'par';
  readonly branches: readonly (readonly Step[])[];
}

export type Step =
  | OpenStep
  | SendStep
  | SendTextStep
  | SendFrameStep
  | RecvStep
  | NeverStep
  | HttpStep
  | StimStep
  | DropStep
  | PauseStep
  | ClosedStep
  | ControlStep
  | ParStep;

export interface Tape {
  readonly header: TapeHeader;
  readonly steps: readonly Step[];
  /** The path of the file, for error messages. */
  readonly file: string;
}

/** Every step, including those inside `par`, in the order of the file. */
export function flatten(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((step) => (step.verb === 'par' ? [step, ...step.branches.flatMap(flatten)] : [step]));
}
