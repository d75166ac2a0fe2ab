/** Converts the steps of a case to bytes, and sends them. */
import { setTimeout as wait } from 'node:timers/promises';
import { SUBPROTOCOL } from '../../generated/protocol.ts';
import { amountOf, bytesOf } from './expand.ts';
import { OPCODE, clientFrame, encodeFrame, lengthBitsOf } from './frame.ts';
import type { Amount, FrameSpec, HttpSpec, Step, UpgradeSpec } from './row.ts';
import { Unreachable, Wire } from './wire.ts';
import type { Target } from './wire.ts';

/** Facts about the gateway that steps need. */
export interface HostileContext {
  readonly target: Target;
  readonly limits: Readonly<Record<string, number>>;
  /** Headers that carry the credential, if there is one. */
  readonly credential: readonly (readonly [string, string])[];
  /** A secret that a case sends to the server, and that the server must not send back. */
  readonly secrets: readonly string[];
  /** How long an outcome may take unless its case sets a limit, in milliseconds. */
  readonly patienceMs: number;
}

type Header = readonly [string, unknown];

/** Repeated steps are written in pieces of this size. */
const PIECE_BYTES = 64 * 1024;
const DEFAULT_MASK = '37fa213d';
export const SAMPLE_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export function hostOf({ host, port }: Target): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function encodeSpec(spec: FrameSpec, limits: HostileContext['limits']): Buffer {
  const payload = bytesOf(spec.payload ?? '');
  const claimed = spec.length;
  const length =
    claimed === undefined
      ? BigInt(payload.length)
      : typeof claimed === 'string' && /^\d+$/.test(claimed)
        ? BigInt(claimed)
        : BigInt(amountOf(claimed, limits));
  return encodeFrame({
    fin: spec.fin ?? true,
    rsv: spec.rsv ?? 0,
    opcode: spec.opcode ?? OPCODE.text,
    masked: spec.masked ?? true,
    mask: Buffer.from(spec.mask ?? DEFAULT_MASK, 'hex'),
    payload,
    length,
    lengthBits: spec.lengthBits ?? lengthBitsOf(length),
  });
}

function head(line: string, headers: readonly Header[]): Buffer {
  const lines = headers.map(([name, value]) =>
    Buffer.concat([Buffer.from(`${name}: `), bytesOf(value), Buffer.from('\r\n')]),
  );
  return Buffer.concat([Buffer.from(`${line}\r\n`), ...lines, Buffer.from('\r\n')]);
}

function requestLine(method: string, target: unknown, version: string): string {
  return `${method} ${bytesOf(target).toString('latin1')} HTTP/${version}`;
}

function named(headers: readonly Header[], name: string): boolean {
  return headers.some(([each]) => each.toLowerCase() === name.toLowerCase());
}

function withoutNames(headers: readonly Header[], names: readonly string[]): readonly Header[] {
  const unwanted = new Set(names.map((each) => each.toLowerCase()));
  return headers.filter(([name]) => !unwanted.has(name.toLowerCase()));
}

export function encodeHttp(
  spec: HttpSpec,
  { target, credential }: Pick<HostileContext, 'target' | 'credential'>,
): Buffer {
  const { method = 'GET', version = '1.1', headers = [], without = [], bare = false } = spec;
  const body = spec.body === undefined ? Buffer.alloc(0) : bytesOf(spec.body);
  const standard: Header[] = bare ? [] : [['Host', hostOf(target)], ['Connection', 'close'], ...credential];
  if (!bare && spec.body !== undefined) {
    standard.push(['Content-Type', 'application/json']);
    if (!named(headers, 'Transfer-Encoding')) standard.push(['Content-Length', String(body.length)]);
  }
  const all = [...withoutNames(standard, [...headers.map(([name]) => name), ...without]), ...headers];
  return Buffer.concat([head(requestLine(method, spec.target, version), all), body]);
}

export function encodeUpgrade(
  spec: UpgradeSpec,
  { target, credential }: Pick<HostileContext, 'target' | 'credential'>,
): Buffer {
  const { method = 'GET', version = '1.1', headers = [], without = [], extra = [] } = spec;
  const standard: Header[] = [
    ['Host', hostOf(target)],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Key', SAMPLE_KEY],
    ['Sec-WebSocket-Protocol', SUBPROTOCOL],
    ...credential,
  ];
  const kept = withoutNames(standard, [...headers.map(([name]) => name), ...without]);
  return head(requestLine(method, spec.target ?? target.path, version), [...kept, ...headers, ...extra]);
}

/** The bytes of a step that only sends bytes; undefined for other steps. */
function encodeStep(step: Step, context: HostileContext): Buffer | undefined {
  if ('text' in step) return clientFrame(OPCODE.text, bytesOf(step.text));
  if ('json' in step) return clientFrame(OPCODE.text, JSON.stringify(step.json));
  if ('frame' in step) return encodeSpec(step.frame, context.limits);
  if ('bytes' in step) return bytesOf(step.bytes);
  if ('http' in step) return encodeHttp(step.http, context);
  if ('upgrade' in step) return encodeUpgrade(step.upgrade, context);
  return undefined;
}

function encodeAll(steps: readonly Step[], context: HostileContext): Buffer {
  return Buffer.concat(
    steps.map((step) => {
      const bytes = encodeStep(step, context);
      if (bytes === undefined) throw new RangeError('Only steps that send bytes can be repeated or dripped.');
      return bytes;
    }),
  );
}

/** Performs the steps of a case. Also opens the additional connections of the case, and closes them when the case ends. */
export class StepSender {
  readonly #context: HostileContext;
  readonly #wire: Wire;
  readonly #others: Wire[] = [];

  constructor(wire: Wire, context: HostileContext) {
    this.#wire = wire;
    this.#context = context;
  }

  async send(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      const bytes = encodeStep(step, this.#context);
      if (bytes === undefined) await this.#act(step);
      else await this.#wire.write(bytes);
    }
  }

  end(): void {
    for (const wire of this.#others) wire.destroy();
  }

  #amount(amount: Amount): number {
    return amountOf(amount, this.#context.limits);
  }

  async #act(step: Step): Promise<void> {
    if ('repeat' in step) return this.#repeat(step);
    if ('drip' in step) return this.#drip(step);
    if ('connections' in step) return this.#open(step);
    if ('hold' in step) {
      await this.#wire.until(() => this.#wire.ending !== 'open', this.#amount(step.hold));
    } else if ('await' in step) {
      const came = (): boolean =>
        step.await === 'response'
          ? this.#wire.answers.length > 0
          : this.#wire.messages.some((each) => each.type === step.await);
      await this.#wire.until(() => came() || this.#wire.ending !== 'open', 3000);
    } else if ('do' in step) {
      if (step.do === 'stop reading') this.#wire.pauseReading();
      else if (step.do === 'read again') this.#wire.readAgain();
      else if (step.do === 'half-close') this.#wire.halfClose();
      else this.#wire.reset();
    }
  }

  async #repeat({ repeat, steps, paced }: Extract<Step, { repeat: unknown }>): Promise<void> {
    const one = encodeAll(steps, this.#context);
    const times = this.#amount(repeat);
    const pauseMs = (steps.length * 1250) / (this.#context.limits['commandsPerSecond'] ?? 50);
    const perPiece = paced === true ? 1 : Math.max(1, Math.floor(PIECE_BYTES / Math.max(1, one.length)));
    for (let done = 0; done < times && this.#wire.ending === 'open'; done += perPiece) {
      await this.#wire.write(Buffer.concat(Array.from({ length: Math.min(perPiece, times - done) }, () => one)));
      if (paced === true) await wait(pauseMs);
    }
  }

  async #drip({ drip, everyMs }: Extract<Step, { drip: unknown }>): Promise<void> {
    const pauseMs = this.#amount(everyMs);
    for (const byte of encodeAll(drip, this.#context)) {
      if (this.#wire.ending !== 'open') return;
      await this.#wire.write(Buffer.from([byte]));
      if (pauseMs > 0) await wait(pauseMs);
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #open({ connections, steps, reset }: Extract<Step, { connections: unknown }>): Promise<void> {
    const bytes = encodeAll(steps, this.#context);
    for (let opened = 0; opened < this.#amount(connections); opened += 1) {
      try {
        const wire = await Wire.open(this.#context.target);
        await wire.write(bytes);
        if (reset === true) wire.reset();
        else this.#others.push(wire);
      } catch (error) {
        // A server may refuse further connections. The case only checks that the server still serves other clients.
        if (!(error instanceof Unreachable)) throw error;
      }
    }
  }
}
