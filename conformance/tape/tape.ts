/**
 * What a tape is: data, not code. A file holds one tape, one JSON object per line: the header, then the steps.
 *
 *     {"tape":1,"id":"ping/echo","clauses":["ENV-3"],"level":"must","why":"…","actors":{"alice":{}}}
 *     {"as":"alice","open":{}}
 *     {"as":"alice","send":{"type":"ping","id":"c1","data":{}}}
 *     {"as":"alice","recv":{"type":"pong","id":"c1"}}
 *
 * `tape.schema.json` beside this file is the same as a JSON Schema; `matcher-cases.json` says what the matchers mean.
 */
import type { ClauseId } from '../../generated/protocol.ts';
import type { Json, JsonObject } from '../trace/json.ts';

export const TAPE_VERSION = 1;

export type Level = 'must' | 'should';

/** What must be possible at the target before a tape can judge it: `publish` any event, or change `files` below a watched directory. */
export type StimulusKind = 'none' | 'publish' | 'files';

export interface ActorSpec {
  /** Subprotocols to offer; `[]` offers none. The contract's own by default. */
  readonly protocols?: readonly string[];
  /** Which credential of the configuration to present at the upgrade; `none` presents none. */
  readonly credential?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What follows the `?` of the address. */
  readonly query?: Readonly<Record<string, string>>;
  /** Whether the actor answers WebSocket pings, as every client does by itself. */
  readonly pong?: 'auto' | 'never';
}

export interface TapeHeader {
  readonly tape: typeof TAPE_VERSION;
  /** The path below `tapes/`, without its ending: operation or push, then a name. */
  readonly id: string;
  readonly clauses: readonly ClauseId[];
  readonly level: Level;
  /** Conditions of the target under which the tape applies; see `runner/needs.ts`. */
  readonly needs: readonly string[];
  readonly stimulus: StimulusKind;
  readonly why: string;
  readonly actors: Readonly<Record<string, ActorSpec>>;
}

export interface StepBase {
  /** The line of the file. */
  readonly line: number;
  readonly note?: string;
}

interface ActorStep extends StepBase {
  readonly as: string;
}

/** Upper bound of a wait: milliseconds, or intervals of the server's heartbeat. Scaled by `--time-scale`. */
export type Within = number | { readonly heartbeats: number };

export interface OpenStep extends ActorStep {
  readonly verb: 'open';
  /** A pattern for `{status, headers, body}` when the upgrade has to be refused. */
  readonly refused?: Json;
  /** A pattern for the subprotocol that the server chose; the empty text when it chose none. */
  readonly protocol?: Json;
  readonly within?: Within;
}

export interface SendStep extends ActorStep {
  readonly verb: 'send';
  /** A command that fits the contract; one that does not is a fault of the tape. */
  readonly message: JsonObject;
}

export interface SendTextStep extends ActorStep {
  readonly verb: 'sendText';
  /** Anything as a text frame: a text as it stands, everything else as JSON. */
  readonly text: Json;
}

export interface RawFrame {
  readonly opcode: 'text' | 'binary' | 'ping' | 'pong';
  readonly text?: string;
  readonly hex?: string;
  /** Repeats the content, for frames that are too big to be written down. */
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
  readonly bind?: string;
  readonly within?: Within;
}

export interface NeverStep extends ActorStep {
  readonly verb: 'never';
  readonly pattern: Json;
  /** What ends the watch: a message that the server may not send before the forbidden one (a sentinel event, `synced`). */
  readonly until: Json;
  readonly within?: Within;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, Json>>;
  /** A text is sent as it stands, everything else as JSON. */
  readonly body?: Json;
  readonly credential?: string;
}

export interface HttpStep extends StepBase {
  readonly verb: 'http';
  readonly request: HttpRequest;
  /** A pattern for `{status, headers, body}`. Asked again until it fits or the time is up, when `within` is given. */
  readonly expect: Json;
  readonly bind?: string;
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
  /** With a code the connection is closed properly, without it is cut. */
  readonly code?: number;
}

export interface PauseStep extends ActorStep {
  readonly verb: 'pause';
  /** `read` stops reading from the socket, `off` goes on. */
  readonly what: 'read' | 'off';
}

export interface ClosedStep extends ActorStep {
  readonly verb: 'closed';
  /** A pattern for `{code, reason}`. */
  readonly pattern: Json;
  readonly within?: Within;
}

export interface ControlStep extends StepBase {
  readonly verb: 'control';
  /** Runs a command of the configuration, such as `shutdown`. */
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
  /** Where it was read from, for messages. */
  readonly file: string;
}

/** Every step, those inside `par` too, in the order of the file. */
export function flatten(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((step) => (step.verb === 'par' ? [step, ...step.branches.flatMap(flatten)] : [step]));
}
