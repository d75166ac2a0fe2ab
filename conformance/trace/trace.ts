/**
 * The trace of a run: what all connections sent and received, in the order in which the runner saw it. The frame
 * checks and the invariants use only the trace, so a recorded trace can be checked in the same way (`conformance check`).
 *
 * As NDJSON, a trace is a header line, then one frame per line. A line needs only `actor`, `connection`, `dir` and `text`:
 * {@link readTrace} numbers the frames, and a frame without `at` gets the time of the frame before it.
 */
import { asText, isObject, tryParse } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { KnownSecrets } from './known-secrets.ts';

export const TRACE_VERSION = 1;

/** `>>` if the actor sent the frame, `<<` if the actor received it. */
export type Direction = '>>' | '<<';

/**
 * `open` and `refused` end a handshake; `http` is a request or its response; `mark` is a note of the runner, not a
 * frame.
 */
export type FrameKind = 'open' | 'refused' | 'text' | 'binary' | 'ping' | 'pong' | 'close' | 'http' | 'mark';

export interface Frame {
  /** The number of the frame in the trace, from 1. */
  readonly n: number;
  /** Milliseconds since the run began. */
  readonly at: number;
  readonly actor: string;
  /** The number of the connection in the run; 0 for HTTP. */
  readonly connection: number;
  readonly dir: Direction;
  readonly kind: FrameKind;
  readonly text: string;
  /** The parsed text; undefined when it is not JSON. */
  readonly json: Json | undefined;
  /** The id of the check for which the suite opened the connection. */
  readonly check?: string;
  /** Set if the client sent a malformed frame on purpose; the frame checks skip such a frame. */
  readonly malformed?: true;
}

export interface NewFrame {
  readonly actor: string;
  readonly connection: number;
  readonly dir: Direction;
  readonly kind: FrameKind;
  readonly text: string;
  readonly check?: string;
  readonly malformed?: true;
  readonly at?: number;
}

export interface TraceHeader {
  readonly trace: typeof TRACE_VERSION;
  readonly startedAt: string;
  readonly target: string;
}

export class TraceError extends Error {
  override readonly name = 'TraceError';
}

/** The kinds of frames whose text shows bytes, as hexadecimal digits. */
const IN_HEX: ReadonlySet<FrameKind> = new Set(['binary', 'ping', 'pong']);

/** The content of a frame as text. Bytes are decoded as UTF-8. */
export function contentOf({ kind, text }: Pick<NewFrame, 'kind' | 'text'>): string {
  return IN_HEX.has(kind) ? Buffer.from(text, 'hex').toString('utf8') : text;
}

/** The text of a frame whose content is changed by `change`. Bytes that are not changed remain as they are, also if they are not UTF-8. */
export function changedText(frame: Pick<NewFrame, 'kind' | 'text'>, change: (content: string) => string): string {
  const content = contentOf(frame);
  const changed = change(content);
  if (changed === content) return frame.text;
  return IN_HEX.has(frame.kind) ? Buffer.from(changed, 'utf8').toString('hex') : changed;
}

/** The text that replaces a secret of the client in a trace, in frames of both sides. */
export const CONCEALED = '[a secret of the client]';
/** Shorter secrets are not replaced, because a message may contain them by chance. */
const SHORTEST_SECRET = 8;

export class Trace {
  readonly header: TraceHeader;
  readonly frames: Frame[] = [];
  readonly #now: () => number;
  readonly #secrets = new KnownSecrets();
  #connections = 0;

  /** `now` gives milliseconds since the run began. */
  constructor(header: TraceHeader, now: () => number) {
    this.header = header;
    this.#now = now;
  }

  nextConnection(): number {
    this.#connections += 1;
    return this.#connections;
  }

  /** Keeps a secret out of the trace: later frames have {@link CONCEALED} in its place. */
  conceal(secret: string): void {
    if (secret.length >= SHORTEST_SECRET) this.#secrets.add(secret, CONCEALED);
  }

  /** A text without the secrets of the client. Shorten a text after this step, because half a secret is not found. */
  withoutSecrets(text: string): string {
    return this.#secrets.replaceIn(text);
  }

  headersWithoutSecrets(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, this.withoutSecrets(value)]));
  }

  add(frame: NewFrame): Frame {
    const text = changedText(frame, (content) => this.withoutSecrets(content));
    const json = frame.kind === 'binary' ? undefined : tryParse(text);
    const at = frame.at ?? Math.round(this.#now() * 10) / 10;
    const added: Frame = { ...frame, text, n: this.frames.length + 1, at, json };
    this.frames.push(added);
    return added;
  }

  /** Writes the trace as NDJSON, which {@link readTrace} reads. */
  toNdjson(): string {
    const lines = this.frames.map(({ json: _json, ...rest }) => JSON.stringify(rest));
    return `${[JSON.stringify(this.header), ...lines].join('\n')}\n`;
  }
}

const KINDS: readonly string[] = ['open', 'refused', 'text', 'binary', 'ping', 'pong', 'close', 'http', 'mark'];

function readFrame(line: JsonObject, where: string): NewFrame {
  const { actor, connection, dir, kind = 'text', text = '', check, malformed, at } = line;
  if (typeof actor !== 'string') throw new TraceError(`${where}: "actor" must be a string.`);
  if (typeof connection !== 'number') throw new TraceError(`${where}: "connection" must be a number.`);
  if (dir !== '>>' && dir !== '<<')
    throw new TraceError(`${where}: "dir" must be ">>" (sent by the client) or "<<" (sent by the server).`);
  if (typeof kind !== 'string' || !KINDS.includes(kind))
    throw new TraceError(`${where}: "kind" must be one of ${KINDS.join(', ')}.`);
  if (typeof text !== 'string') throw new TraceError(`${where}: "text" must be a string.`);
  return {
    actor,
    connection,
    dir,
    kind: kind as FrameKind,
    text,
    ...(typeof check === 'string' ? { check } : {}),
    ...(malformed === true ? { malformed } : {}),
    ...(typeof at === 'number' ? { at } : {}),
  };
}

/** @throws {TraceError} when a line is invalid; the message names the file and the line */
export function readTrace(text: string, file: string): Trace {
  let trace: Trace | undefined;
  let clock = 0;
  for (const [index, raw] of text.split('\n').entries()) {
    if (raw.trim() === '') continue;
    const where = `${file}:${index + 1}`;
    const line = tryParse(raw);
    if (!isObject(line)) throw new TraceError(`${where}: a line of a trace must be one JSON object.`);
    if (trace === undefined) {
      if (line['trace'] !== TRACE_VERSION)
        throw new TraceError(`${where}: a trace must begin with {"trace":${TRACE_VERSION},"startedAt":…,"target":…}.`);
      const { startedAt, target } = line;
      const header = {
        trace: TRACE_VERSION,
        startedAt: asText(startedAt),
        target: asText(target),
      } as const;
      trace = new Trace(header, () => clock);
      continue;
    }
    const frame = readFrame(line, where);
    clock = frame.at ?? clock;
    trace.add(frame);
  }
  if (trace === undefined) throw new TraceError(`${file}: the file is empty; a trace must begin with its header.`);
  return trace;
}
