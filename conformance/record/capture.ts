/** A trace that is written line by line while it is recorded, so that an interrupted recording is not lost. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { TRACE_VERSION, Trace } from '../trace/trace.ts';
import type { FrameKind, NewFrame } from '../trace/trace.ts';
import { Pseudonyms } from './pseudonyms.ts';

/** The kinds of frames whose content is bytes, which a capture shows as hexadecimal digits. */
const IN_HEX: ReadonlySet<FrameKind> = new Set(['binary', 'ping', 'pong']);

/** The address without the parts in which people put credentials. */
function shownAddress(target: URL): string {
  return `${target.protocol}//${target.host}${target.pathname}`;
}

export class Capture {
  readonly pseudonyms = new Pseudonyms();
  readonly #trace: Trace;
  #file: number | undefined;

  /**
   * Creates the file, and throws if the file exists. Only the owner may read the file, because payloads may be private.
   */
  constructor(path: string, target: URL) {
    const began = performance.now();
    const startedAt = new Date().toISOString();
    const header = { trace: TRACE_VERSION, startedAt, target: shownAddress(target) } as const;
    this.#trace = new Trace(header, () => performance.now() - began);
    this.#file = openSync(path, 'wx', 0o600);
    this.#write(header);
  }

  #write(line: object): void {
    if (this.#file !== undefined) writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  get frames(): number {
    return this.#trace.frames.length;
  }

  nextConnection(): number {
    return this.#trace.nextConnection();
  }

  /** Frames that are added after `close` are ignored. */
  add(frame: NewFrame): void {
    if (this.#file === undefined) return;
    const { json: _json, ...line } = this.#trace.add({ ...frame, text: this.#withoutSecrets(frame) });
    this.#write(line);
  }

  #withoutSecrets({ kind, dir, text }: NewFrame): string {
    const content = IN_HEX.has(kind) ? Buffer.from(text, 'hex').toString('utf8') : text;
    if (dir === '>>' && (kind === 'text' || kind === 'binary')) this.pseudonyms.learnMessage(content);
    const hidden = this.pseudonyms.hide(content);
    if (hidden === content) return text;
    return IN_HEX.has(kind) ? Buffer.from(hidden, 'utf8').toString('hex') : hidden;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
