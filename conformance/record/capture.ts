/** A trace that is written line by line while it is recorded, so that an interrupted recording is not lost. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { changedText, contentOf, TRACE_VERSION, Trace } from '../trace/trace.ts';
import type { NewFrame } from '../trace/trace.ts';
import { Pseudonyms } from './pseudonyms.ts';

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

  #withoutSecrets(frame: NewFrame): string {
    const { kind, dir } = frame;
    if (dir === '>>' && (kind === 'text' || kind === 'binary')) this.pseudonyms.learnMessage(contentOf(frame));
    return changedText(frame, (content) => this.pseudonyms.hide(content));
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
