/**
 * A row of the hostile pack: one line of `cases/*.ndjson`, a JSON object. This file defines the format;
 * `docs/guides/hostile.md` has examples.
 */
import type { ClauseId, CloseName, ErrorCode } from '../../generated/protocol.ts';

/** Conditions on the gateway. A row is not applicable if the gateway does not meet one of its conditions. */
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
  /** The mask: four bytes in hexadecimal. */
  readonly mask?: string;
  readonly payload?: unknown;
  /**
   * The length in the header, if it differs from the length of the payload. A decimal string if the length is too large
   * for a number.
   */
  readonly length?: Amount;
  /** Size of the length field in bits, if it is not the smallest possible. */
  readonly lengthBits?: 7 | 16 | 64;
}

/** A request over HTTP. `Host`, the credential and `Connection: close` are added unless `bare`. */
export interface HttpSpec {
  readonly method?: string;
  readonly target: unknown;
  readonly version?: string;
  readonly headers?: readonly (readonly [string, unknown])[];
  readonly body?: unknown;
  /** Names of default headers to leave out. */
  readonly without?: readonly string[];
  readonly bare?: boolean;
}

/**
 * An upgrade request. `headers` replace the default headers of the same name, `without` leaves default headers out, and
 * `extra` adds headers beside those of the same name.
 */
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
  /** Repeats the steps; with `paced`, no faster than the limits for commands in `welcome` allow. */
  | { readonly repeat: Amount; readonly steps: readonly Step[]; readonly paced?: true }
  /** Sends the bytes of the steps one at a time, and stops when the server closes the connection. */
  | { readonly drip: readonly Step[]; readonly everyMs: Amount }
  /** Opens further connections. Each sends the steps, and stays open until the end of the case; with `reset`, it is reset at once. */
  | { readonly connections: Amount; readonly steps: readonly Step[]; readonly reset?: true }
  /** Waits for a message of this type. `response` waits for a complete HTTP response instead. */
  | { readonly await: string }
  /** Waits this long, in milliseconds, or until the connection ends. */
  | { readonly hold: Amount }
  | { readonly do: 'stop reading' | 'read again' | 'half-close' | 'reset' };

/** An allowed outcome. If a row has several outcomes, at least one of them must occur. */
export type Outcome =
  /** The command is refused; the connection stays open and nothing changes. */
  | {
      readonly error: ErrorCode | readonly ErrorCode[];
      readonly pointer?: string;
      /** Number of such replies, if it is not 1. `some` means at least one, and also allows other replies. */
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
      /** The server must have closed both directions of the connection, although the client keeps its own side open. */
      readonly gone?: true;
    }
  /** There is no reply, and the connection stays open. */
  | { readonly ignored: true }
  /** The connection ends without a response. */
  | { readonly dropped: true };

/** An HTTP request and its expected response, on a separate connection, while the connection of the case is still open. */
export interface Aside {
  readonly http: HttpSpec;
  readonly expect: Extract<Outcome, { status: unknown }>;
}

export interface Row {
  /** The id, in the form `area/name`. */
  readonly id: string;
  readonly clause: ClauseId;
  /** A failed `should` row is only a warning, because the contract recommends its outcome but does not require it. */
  readonly level?: 'must' | 'should';
  readonly why: string;
  readonly needs?: readonly Need[];
  /** `ws`: the case starts after the upgrade and `welcome`. `tcp`: the case starts on a plain TCP connection. */
  readonly transport?: 'ws' | 'tcp';
  readonly send: readonly Step[];
  readonly expect: Outcome | readonly Outcome[];
  readonly aside?: Aside;
  /** How the connection is checked at the end: by a command, or by a ping frame if a message is unfinished. */
  readonly probe?: 'command' | 'ping';
  /** How long the outcome may take, in milliseconds. */
  readonly within?: Amount;
  /** The case takes long, so it runs in parallel with the other cases. */
  readonly slow?: true;
  /** The variants of the row. The key is the name of the variant; its value maps names in the row to their values. */
  readonly variants?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** One row, or one of its variants. */
export interface Case extends Omit<Row, 'variants' | 'expect'> {
  readonly expect: readonly Outcome[];
}
