/**
 * A row of the hostile pack: data, one JSON object per line of `cases/*.ndjson`. What may stand in one is said here and
 * nowhere else; `docs/guides/hostile.md` shows it by example.
 */
import type { ClauseId, CloseName, ErrorCode } from '../../generated/protocol.ts';

/** What has to be true of a gateway for a row to mean anything there; elsewhere the row is not applicable. */
export type Need = 'auth' | 'broadcast' | 'publish';

/** A number, or one that is computed from a limit that the gateway tells in `welcome`: `limit.jsonDepth*2+1`. */
export type Amount = number | string;

/** One frame by hand (RFC 6455 §5.2). What is left out is as a well-behaved client would send it. */
export interface FrameSpec {
  readonly fin?: boolean;
  /** The three reserved bits as a number, RSV1 being 4. */
  readonly rsv?: number;
  readonly opcode?: number;
  readonly masked?: boolean;
  /** Hexadecimal, four bytes. */
  readonly mask?: string;
  readonly payload?: unknown;
  /** The length that the header claims, where it is not the payload's; decimal text for what a number cannot hold. */
  readonly length?: Amount;
  /** In how many bits the length is written, where it is not the fewest. */
  readonly lengthBits?: 7 | 16 | 64;
}

/** A request over HTTP. `Host`, the credential and `Connection: close` are added unless `bare`. */
export interface HttpSpec {
  readonly method?: string;
  readonly target: unknown;
  readonly version?: string;
  readonly headers?: readonly (readonly [string, unknown])[];
  readonly body?: unknown;
  /** Of the headers that are added, those that are not. */
  readonly without?: readonly string[];
  readonly bare?: boolean;
}

/** A request for an upgrade; `headers` replace those of the same name and add the others. */
export interface UpgradeSpec {
  readonly method?: string;
  readonly target?: unknown;
  readonly version?: string;
  readonly headers?: readonly (readonly [string, unknown])[];
  readonly without?: readonly string[];
  readonly extra?: readonly (readonly [string, unknown])[];
}

export type Step =
  | { readonly text: unknown }
  | { readonly json: unknown }
  | { readonly frame: FrameSpec }
  | { readonly bytes: unknown }
  | { readonly http: HttpSpec }
  | { readonly upgrade: UpgradeSpec }
  /** Repeats the steps; with `paced`, no faster than the command limits in `welcome` allow. */
  | { readonly repeat: Amount; readonly steps: readonly Step[]; readonly paced?: true }
  /** What the steps amount to, one byte per write; stops when the peer hangs up. */
  | { readonly drip: readonly Step[]; readonly everyMs: Amount }
  /** As many further connections, each sending the steps, held open until the case is over. */
  | { readonly connections: Amount; readonly steps: readonly Step[]; readonly reset?: true }
  /** Waits for a message of that type, or for the head of a response. */
  | { readonly await: string }
  | { readonly hold: Amount }
  | { readonly do: 'stop reading' | 'read again' | 'half-close' | 'reset' };

/** What may happen. Where a row gives several, any one of them will do. */
export type Outcome =
  /** The command is refused; the connection lives and nothing has changed. */
  | {
      readonly error: ErrorCode | readonly ErrorCode[];
      readonly pointer?: string;
      /** How many such replies, where it is not one; `some` lets other replies stand beside them. */
      readonly times?: Amount;
    }
  /** The command is carried out. */
  | { readonly reply: string; readonly times?: Amount }
  /** The server closes with one of these codes. */
  | { readonly close: number | CloseName | readonly (number | CloseName)[] }
  /** An HTTP answer. A failure carries the `error` message (OPS-0). */
  | {
      readonly status: number | readonly number[];
      readonly error?: ErrorCode | readonly ErrorCode[];
      readonly pointer?: string;
      /** The message of the contract that the body is. */
      readonly body?: 'health' | 'subscriptions_page' | 'explanation' | 'broadcast_result' | 'probe' | 'text';
      /** Headers that must not be there. */
      readonly without?: readonly string[];
      /** Nothing of the connection is left at the server afterwards, though the client holds on to it. */
      readonly gone?: true;
    }
  /** Nothing is answered, and the connection lives. */
  | { readonly ignored: true }
  /** The connection ends without an answer. */
  | { readonly dropped: true };

/** What has to hold afterwards, asked over HTTP on a connection of its own while the one under test is still there. */
export interface Aside {
  readonly http: HttpSpec;
  readonly expect: Extract<Outcome, { status: unknown }>;
}

export interface Row {
  /** `area/name`. */
  readonly id: string;
  readonly clause: ClauseId;
  /** A `should` row that fails is a warning: the contract is silent, and good sense is not. */
  readonly level?: 'must' | 'should';
  readonly why: string;
  readonly needs?: readonly Need[];
  /** `ws` begins with an upgrade and `welcome`; `tcp` with nothing. */
  readonly door?: 'ws' | 'tcp';
  readonly send: readonly Step[];
  readonly expect: Outcome | readonly Outcome[];
  readonly aside?: Aside;
  /** How it is asked whether the connection lives: by a command, or by a ping frame where a message is still open. */
  readonly probe?: 'command' | 'ping';
  /** How long the outcome may take, in milliseconds. */
  readonly within?: Amount;
  /** Runs beside the others, since it takes its time. */
  readonly slow?: true;
  /** Values by name, for each variant of the row. */
  readonly variants?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** One row, or one variant of it, ready to be played. */
export interface Case extends Omit<Row, 'variants' | 'expect'> {
  readonly expect: readonly Outcome[];
}
