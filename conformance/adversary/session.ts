/** Runs one attack on a new connection: first the preparation, then all measured commands at once. */
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { OPCODE, clientFrame } from '../hostile/frame.ts';
import { upgrade } from '../hostile/run-case.ts';
import type { HostileContext } from '../hostile/steps.ts';
import { Unreachable, Wire } from '../hostile/wire.ts';
import { HELD_CONNECTION } from './attack.ts';
import type { Attack, Command, HttpRequest } from './attack.ts';

/**
 * How long to wait for the replies to all commands, and for each response, in milliseconds. After that the search goes on
 * without them.
 */
const REPLIES_WITHIN_MS = 10_000;

const ATTEMPTS = 5;

export class AttackSession {
  readonly #context: HostileContext;
  readonly #wire: Wire;
  #holder: AttackSession | undefined;
  #sent = 0;
  #replies = 0;
  /** The number of messages that have been examined. */
  #counted = 0;

  private constructor(context: HostileContext, wire: Wire) {
    this.#context = context;
    this.#wire = wire;
  }

  /** @throws {Unreachable} when the server accepts no connection in several attempts */
  static async open(context: HostileContext): Promise<AttackSession> {
    let fault: string | undefined;
    // On a busy machine the server may refuse an upgrade because its headers arrived too late.
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const wire = await Wire.open(context.target);
      fault = await upgrade(wire, context);
      if (fault === undefined) return new AttackSession(context, wire);
      wire.destroy();
    }
    throw new Unreachable(`An ordinary client cannot connect: ${fault ?? 'no attempt was made'}.`);
  }

  /** Sends the commands that prepare the measured part. */
  async prepare({ held, before }: Attack): Promise<void> {
    if (held.length > 0) this.#holder = await AttackSession.open(this.#context);
    await this.#holder?.send(held);
    await this.send(before);
  }

  /** Sends the measured part. */
  async strike({ packet, requests }: Attack): Promise<void> {
    const held = this.#holder?.connectionId ?? HELD_CONNECTION;
    const sent = requests.map((each) => {
      const body = each.body?.replace(HELD_CONNECTION, held);
      return sendRequest(this.#context, { ...each, ...(body === undefined ? {} : { body }) });
    });
    await Promise.all([this.send(packet), ...sent]);
  }

  /** The `connectionId` in the server's `welcome`. */
  get connectionId(): string | undefined {
    const id = this.#wire.messages[0]?.data['connectionId'];
    return typeof id === 'string' ? id : undefined;
  }

  /** Writes all commands at once, and waits until each has its reply or the connection has ended. */
  async send(commands: readonly Command[]): Promise<void> {
    if (commands.length === 0) return;
    const first = this.#sent;
    this.#sent += commands.length;
    const frames = commands.map(({ type, data, spaces = 0 }, at) =>
      clientFrame(OPCODE.text, JSON.stringify({ type, id: `a${first + at}`, data }) + ' '.repeat(spaces)),
    );
    await this.#wire.write(Buffer.concat(frames));
    await this.#wire.until(() => this.#wire.ending !== 'open' || this.#countReplies() >= this.#sent, REPLIES_WITHIN_MS);
  }

  #countReplies(): number {
    const { messages } = this.#wire;
    for (; this.#counted < messages.length; this.#counted += 1)
      if (messages[this.#counted]?.id !== undefined) this.#replies += 1;
    return this.#replies;
  }

  /** Faults in the server's messages. They are faults regardless of the input. */
  get faults(): readonly string[] {
    return [...this.#wire.faults, ...this.#wire.leaks];
  }

  close(): void {
    this.#holder?.close();
    this.#wire.destroy();
  }
}

function sendRequest(
  { target, credential }: HostileContext,
  { method, path, body, until }: HttpRequest,
): Promise<void> {
  return new Promise((resolve) => {
    const headers = {
      ...Object.fromEntries(credential),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const call = request(
      { host: target.host, port: target.port, method, path, headers, agent: new Agent() },
      (response) => {
        response.on('close', () => resolve());
        if (until === undefined) response.resume();
        else endAfter(response, until);
      },
    );
    call.setTimeout(REPLIES_WITHIN_MS, () => call.destroy());
    call.on('error', () => resolve());
    call.end(body);
  });
}

/** Ends a response once it contains the text. */
function endAfter(response: IncomingMessage, text: string): void {
  // The text may be split between two chunks.
  let rest = '';
  response.setEncoding('latin1').on('data', (chunk: string) => {
    rest = rest.slice(-text.length) + chunk;
    if (rest.includes(text)) response.destroy();
  });
}
