/** Runs one attack on a new connection: first the preparation, then all measured commands at once. */
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { OPCODE, clientFrame } from '../hostile/frame.ts';
import { upgrade } from '../hostile/run-case.ts';
import type { HostileContext } from '../hostile/steps.ts';
import { Unreachable, Wire } from '../hostile/wire.ts';
import type { Message } from '../hostile/wire.ts';
import { HELD_CONNECTION } from './attack.ts';
import type { Attack, Command, HttpRequest } from './attack.ts';

const ATTEMPTS = 5;

/**
 * How many replies of each kind the server sent, such as `{"subscribed": 60, "error rate_limited": 40}`. The kind is `timeout` for a
 * command or request without a reply in time, and `no reply` or `no response` if its connection ended before the reply.
 */
export type Replies = Readonly<Record<string, number>>;

export class AttackSession {
  readonly #context: HostileContext;
  readonly #wire: Wire;
  #holder: AttackSession | undefined;
  #sent = 0;
  #answered = 0;
  readonly #replies = new Map<string, number>();
  /** The `connectionId` in the server's `welcome`. */
  readonly connectionId: string | undefined;

  private constructor(context: HostileContext, wire: Wire) {
    this.#context = context;
    this.#wire = wire;
    const id = wire.messages[0]?.data['connectionId'];
    this.connectionId = typeof id === 'string' ? id : undefined;
    // The wire itself keeps only some thousand messages, and would drop replies that follow a long replay.
    wire.listen({ onMessage: (message) => this.#take(message), onPong: () => undefined });
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
      const answer = sendRequest(this.#context, { ...each, ...(body === undefined ? {} : { body }) });
      return answer.then((kind) => this.#count(kind));
    });
    await Promise.all([this.send(packet), ...sent]);
  }

  /** Writes all commands at once, and waits until each has its reply, the connection has ended, or the time limit has passed. */
  async send(commands: readonly Command[]): Promise<void> {
    if (commands.length === 0) return;
    const first = this.#sent;
    this.#sent += commands.length;
    const frames = commands.map(({ type, data, spaces = 0 }, at) =>
      clientFrame(OPCODE.text, JSON.stringify({ type, id: `a${first + at}`, data }) + ' '.repeat(spaces)),
    );
    await this.#wire.write(Buffer.concat(frames));
    const { patienceMs } = this.#context;
    await this.#wire.until(() => this.#wire.ending !== 'open' || this.#answered >= this.#sent, patienceMs);
  }

  #take({ id, type, data }: Message): void {
    if (id === undefined) return;
    this.#answered += 1;
    this.#count(type === 'error' ? `error ${String(data['code'])}` : type);
  }

  #count(kind: string): void {
    this.#replies.set(kind, (this.#replies.get(kind) ?? 0) + 1);
  }

  /**
   * The replies so far, including those to the preparation and on the second connection. They show whether the server processed the
   * input or refused it.
   */
  get replies(): Replies {
    const unanswered = this.#sent - this.#answered;
    const total: Record<string, number> = { ...this.#holder?.replies };
    const missing = this.#wire.ending === 'open' ? 'timeout' : 'no reply';
    const own = [...this.#replies, ...(unanswered > 0 ? [[missing, unanswered] as const] : [])];
    for (const [kind, times] of own) total[kind] = (total[kind] ?? 0) + times;
    return total;
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

/** @returns the kind of the response, such as `status 200`, `timeout` or `no response` */
function sendRequest(
  { target, credential, patienceMs }: HostileContext,
  { method, path, body, until }: HttpRequest,
): Promise<string> {
  return new Promise((resolve) => {
    const headers = {
      ...Object.fromEntries(credential),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const call = request(
      { host: target.host, port: target.port, method, path, headers, agent: new Agent() },
      (response) => {
        response.on('close', () => resolve(`status ${response.statusCode}`));
        if (until === undefined) response.resume();
        else endAfter(response, until);
      },
    );
    call.setTimeout(patienceMs, () => {
      resolve('timeout');
      call.destroy();
    });
    call.on('error', () => resolve('no response'));
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
