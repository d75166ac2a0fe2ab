/** Runs one case on a new connection and returns the observations. */
import { setTimeout as wait } from 'node:timers/promises';
import { amountOf } from './expand.ts';
import { OPCODE, acceptFor, clientFrame } from './frame.ts';
import { describe, judge, judgeStatus } from './judge.ts';
import type { Observation } from './judge.ts';
import type { Aside, Case, Outcome } from './row.ts';
import { StepSender, SAMPLE_KEY, encodeHttp, encodeUpgrade } from './steps.ts';
import type { HostileContext } from './steps.ts';
import { Unreachable, Wire } from './wire.ts';
import type { Message } from './wire.ts';

/** How long the connection may stay open after the server's close frame, in milliseconds. */
const END_WITHIN_MS = 3000;
const MAX_TRIES = 3;
const MAX_WAIT_MS = 3000;
const PROBE_ID = 'is-it-alive';

function leavesAlive(outcome: Outcome): boolean {
  return ('error' in outcome && !('status' in outcome)) || 'reply' in outcome || 'ignored' in outcome;
}

function answered(wire: Wire): readonly Message[] {
  return wire.messages.filter((each) => each.id === PROBE_ID);
}

/** Opens the WebSocket as an ordinary client. Returns the fault of the server, if there was one. */
export async function upgrade(wire: Wire, context: HostileContext): Promise<string | undefined> {
  await wire.write(encodeUpgrade({}, context));
  const welcomed = await wire.until(() => wire.messages.length > 0 || wire.ending !== 'open', context.patienceMs);
  const [answer] = wire.answers;
  if (answer?.status !== 101)
    return `the upgrade got ${answer === undefined ? 'no response' : `status ${answer.status}`}`;
  if (answer.headers.get('sec-websocket-accept') !== acceptFor(SAMPLE_KEY)) return 'Sec-WebSocket-Accept is wrong';
  if (!welcomed || wire.messages[0]?.type !== 'welcome') return 'the first message is not welcome (CON-2)';
  return undefined;
}

class Trial {
  readonly #entry: Case;
  readonly #context: HostileContext;
  readonly #wire: Wire;
  readonly #patienceMs: number;
  #probes = 0;

  constructor(entry: Case, context: HostileContext, wire: Wire) {
    this.#entry = entry;
    this.#context = context;
    this.#wire = wire;
    this.#patienceMs = entry.within === undefined ? context.patienceMs : amountOf(entry.within, context.limits);
  }

  /** Waits for one of the expected outcomes. */
  async settle(): Promise<Observation> {
    const { expect, transport } = this.#entry;
    if (transport === 'tcp' && !expect.every((each) => 'status' in each || 'dropped' in each))
      await this.#wire.until(() => this.#wire.answers.length > 0 || this.#wire.ending !== 'open', this.#patienceMs);
    if (this.#wire.upgraded && expect.some(leavesAlive)) await this.#probe();
    else if (expect.some((each) => 'status' in each)) await this.#response();
    else await this.#wire.until(() => this.#ended() || this.#wire.ending !== 'open', this.#patienceMs);
    if (this.#wire.close !== undefined) await this.#wire.until(() => this.#wire.ending !== 'open', END_WITHIN_MS);
    return this.#observe();
  }

  #ended(): boolean {
    return this.#wire.close !== undefined;
  }

  async #response(): Promise<void> {
    const wire = this.#wire;
    await wire.until(() => wire.answers.length > 0 || wire.ending !== 'open', this.#patienceMs);
    if (!this.#entry.expect.some((each) => 'status' in each && each.gone === true)) return;
    const until = performance.now() + this.#patienceMs;
    while (!wire.gone && performance.now() < until) {
      await wire.write(Buffer.from('x'));
      await wait(50);
    }
  }

  /**
   * Checks whether the connection is alive, and counts its subscriptions. Repeats the check if the rate limit refuses
   * it.
   */
  async #probe(): Promise<void> {
    const wire = this.#wire;
    const deadline = performance.now() + this.#patienceMs;
    const left = (): number => Math.max(0, deadline - performance.now());
    const over = (): boolean => this.#ended() || wire.ending !== 'open';
    if (this.#entry.probe === 'ping') {
      await wire.write(clientFrame(OPCODE.ping, PROBE_ID));
      await wire.until(() => over() || wire.pongs.some((each) => each.toString() === PROBE_ID), left());
      return;
    }
    do {
      this.#probes += 1;
      await wire.write(
        clientFrame(OPCODE.text, JSON.stringify({ type: 'list_subscriptions', id: PROBE_ID, data: {} })),
      );
      await wire.until(() => over() || answered(wire).length >= this.#probes, left());
      const retryAfterMs = answered(wire).at(-1)?.data['retryAfterMs'];
      if (typeof retryAfterMs !== 'number') break;
      await wire.until(over, Math.min(retryAfterMs, left()));
    } while (!over() && left() > 0);
    await wire.until(() => over() || this.#enough(), left());
  }

  /**
   * Whether the expected number of replies has arrived. Their order is not checked, because replies may arrive in
   * another order than the commands.
   */
  #enough(): boolean {
    const expected = this.#entry.expect.filter(leavesAlive).map((each) => {
      if ('ignored' in each) return 0;
      const times = 'times' in each ? each.times : undefined;
      return times === 'some' ? 1 : amountOf(times ?? 1, this.#context.limits);
    });
    const others = this.#wire.messages.filter((each) => each.id !== PROBE_ID && each.type !== 'welcome');
    return others.length >= Math.min(...expected);
  }

  #observe(): Observation {
    const wire = this.#wire;
    const last = answered(wire).at(-1);
    const items = last?.data['items'];
    return {
      answers: wire.answers,
      messages: wire.messages.filter((each) => each.id !== PROBE_ID),
      close: wire.close,
      ending: wire.ending,
      gone: wire.gone,
      alive: last !== undefined || wire.pongs.some((each) => each.toString() === PROBE_ID),
      subscriptions: Array.isArray(items) ? items.length : undefined,
      faults: [...wire.faults],
      leaks: wire.leaks,
    };
  }
}

async function checkAside({ http, expect }: Aside, context: HostileContext): Promise<readonly string[]> {
  const wire = await Wire.open(context.target, { secrets: context.secrets });
  try {
    await wire.write(encodeHttp(http, context));
    await wire.until(() => wire.answers.length > 0 || wire.ending !== 'open', context.patienceMs);
    const fault = judgeStatus(expect, wire);
    return [
      ...(fault === undefined ? [] : [`the HTTP request during the case: ${fault}`]),
      ...wire.faults,
      ...wire.leaks,
    ];
  } finally {
    wire.destroy();
  }
}

export interface CaseRun {
  readonly findings: readonly string[];
  /** The observations as short text. */
  readonly seen: string;
}

/**
 * How long the gateway asked to wait, at most {@link MAX_WAIT_MS}, if it refused the case because of a rate limit. After
 * such a refusal a failed case is repeated, because the refusal proves nothing about the case.
 */
function requestedWaitMs(wire: Wire): number | undefined {
  const [answer] = wire.answers;
  const seconds = answer?.status === 503 || answer?.status === 429 ? answer.headers.get('retry-after') : undefined;
  return seconds === undefined ? undefined : Math.min(Number(seconds) * 1000, MAX_WAIT_MS);
}

/** Runs a case, and repeats it if the gateway was too busy to accept it. */
export async function runCase(entry: Case, context: HostileContext): Promise<CaseRun> {
  for (let tries = 1; ; tries += 1) {
    const { waitMs, ...run } = await runOnce(entry, context);
    if (run.findings.length === 0 || waitMs === undefined || tries === MAX_TRIES) return run;
    await wait(waitMs);
  }
}

async function runOnce(
  entry: Case,
  context: HostileContext,
): Promise<CaseRun & { readonly waitMs?: number | undefined }> {
  let wire: Wire;
  try {
    wire = await Wire.open(context.target, { secrets: context.secrets });
  } catch (error) {
    if (error instanceof Unreachable) return { findings: [error.message], seen: 'nothing' };
    throw error;
  }
  const sender = new StepSender(wire, context);
  try {
    if (entry.transport !== 'tcp') {
      const fault = await upgrade(wire, context);
      if (fault !== undefined) return { findings: [fault], seen: 'no welcome', waitMs: requestedWaitMs(wire) };
    }
    await sender.send(entry.send);
    const seen = await new Trial(entry, context, wire).settle();
    const aside = entry.aside === undefined ? [] : await checkAside(entry.aside, context);
    const findings = [...judge(entry, seen, context.limits), ...aside];
    return { findings, seen: describe(seen), waitMs: requestedWaitMs(wire) };
  } finally {
    sender.end();
    wire.destroy();
  }
}
