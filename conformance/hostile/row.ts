/**
 * A row of the hostile pack: one JSON object per line of `cases/*.ndjson`. This file is the definition of the format;
 * `docs/guides/hostile.md` has examples.
 */
import type { ClauseId, CloseName, ErrorCode } from '../../generated/protocol.ts';

/** Conditions on the gateway; if one is not met, the row is not applicable. */
export type Need = 'auth' | 'broadcast' | 'publish';

/** A number, or an expression on a limit in the gateway's `welcome`: `limit.jsonDepth*2+1`. */
export type Amount = number | string;

/** One frame (RFC 6455 §5.2). Omitted parts have valid values. */
export interface FrameSpec {
  readonly fin?: boolean;
  /** The three reserved bits as a number; RSV1 is 4. */
  readonly rsv?: number;
  readonly opcode?: number;
  readonly masked?: boolean;
  /** Hexadecimal, four bytes. */
  readonly mask?: string;
  readonly payload?: unknown;
  /** The length in the header, if it differs from the payload's; a decimal text if it is too large for a number. */
  readonly length?: Amount;
  /** Number of bits of the length, if it is not the smallest possible. */
  readonly lengthBits?: 7 | 16 | 64;
}

/** A request over HTTP. `Host`, the credential and `Connection: close` are added unless `bare`. */
export interface HttpSpec {
  readonly method?: string;
  readonly target: unknown;
  readonly version?: string;
  readonly headers?: readonly (readonly [string, unknown])[];
  readonly body?: unknown;
  /** Headers that are not added. */
  readonly without?: readonly string[];
  readonly bare?: boolean;
}

/** An upgrade request; `headers` replace headers of the same name and add others. */
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
  /** The bytes of the steps, one per write; stops when the server closes the connection. */
  | { readonly drip: readonly Step[]; readonly everyMs: Amount }
  /** Additional connections, each of which sends the steps and stays open until the end of the case. */
  | { readonly connections: Amount; readonly steps: readonly Step[]; readonly reset?: true }
  /** Waits for a message of this type, or for the head of a response. */
  | { readonly await: string }
  | { readonly hold: Amount }
  | { readonly do: 'stop reading' | 'read again' | 'half-close' | 'reset' };

/** An allowed outcome. If a row has several, one of them must occur. */
export type Outcome =
  /** The command is refused; the connection stays open and nothing changes. */
  | {
      readonly error: ErrorCode | readonly ErrorCode[];
      readonly pointer?: string;
      /** Number of such replies, if it is not one; `some` also allows other replies. */
      readonly times?: Amount;
    }
  /** The command succeeds. */
  | { readonly reply: string; readonly times?: Amount }
  /** The server closes with one of these codes. */
  | { readonly close: number | CloseName | readonly (number | CloseName)[] }
  /** An HTTP response. A failed request has the `error` message as its body (OPS-0). */
  | {
      readonly status: number | readonly number[];
      readonly error?: ErrorCode | readonly ErrorCode[];
      readonly pointer?: string;
      /** The message of the contract whose schema the body must match. */
      readonly body?: 'health' | 'subscriptions_page' | 'explanation' | 'broadcast_result' | 'probe' | 'text';
      /** Headers that must be absent. */
      readonly without?: readonly string[];
      /** The server has closed the connection completely, although the client keeps its side open. */
      readonly gone?: true;
    }
  /** There is no reply, and the connection stays open. */
  | { readonly ignored: true }
  /** The connection ends without a response. */
  | { readonly dropped: true };

/** Checks over HTTP on a separate connection, while the connection of the case is still open. */
export interface Aside {
  readonly http: HttpSpec;
  readonly expect: Extract<Outcome, { status: unknown }>;
}

export interface Row {
  /** `area/name`. */
  readonly id: string;
  readonly clause: ClauseId;
  /** A failed `should` row is a warning: the contract does not require the outcome, but it is expected of a good server. */
  readonly level?: 'must' | 'should';
  readonly why: string;
  readonly needs?: readonly Need[];
  /** `ws` starts with an upgrade and `welcome`; `tcp` with a plain connection. */
  readonly transport?: 'ws' | 'tcp';
  readonly send: readonly Step[];
  readonly expect: Outcome | readonly Outcome[];
  readonly aside?: Aside;
  /** How the connection is checked at the end: by a command, or by a ping frame if a message is unfinished. */
  readonly probe?: 'command' | 'ping';
  /** Longest time for the outcome, in milliseconds. */
  readonly within?: Amount;
  /** Runs in parallel with the other cases, because it takes long. */
  readonly slow?: true;
  /** Values by name, for each variant of the row. */
  readonly variants?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** One row, or one of its variants. */
export interface Case extends Omit<Row, 'variants' | 'expect'> {
  readonly expect: readonly Outcome[];
}
