/**
 * Runs the pack: quick cases one after another, and slow cases in parallel with them. During the whole run the neighbour,
 * a well-behaved client, measures how the gateway serves its other clients.
 */
import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { LIMITS } from '../../generated/protocol.ts';
import { casesOf, fill } from './expand.ts';
import { readConnections, readGatewayMetrics } from './gateway-metrics.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { distribution, worstBetween } from './latency.ts';
import type { Distribution, SampleKind } from './latency.ts';
import { NeighbourThread } from './neighbour-thread.ts';
import type { NeighbourSetting } from './neighbour.ts';
import { runCase, upgrade } from './run-case.ts';
import type { Need, Row } from './row.ts';
import { hostOf } from './steps.ts';
import type { HostileContext } from './steps.ts';
import { Unreachable, Wire } from './wire.ts';
import type { Target } from './wire.ts';

export interface RunOptions {
  readonly target: Target;
  readonly rows: readonly Row[];
  /** Whether to run the case with this id. */
  readonly selects: (id: string) => boolean;
  readonly credential: HostileContext['credential'];
  readonly patienceMs: number;
  readonly onResult: (result: CaseResult) => void;
}

export type Verdict = 'pass' | 'fail' | 'warn' | 'n/a';

export interface CaseResult {
  readonly id: string;
  readonly clause: string;
  readonly verdict: Verdict;
  readonly findings: readonly string[];
  /** The observations as short text. */
  readonly seen: string;
  readonly ms: number;
  /** The neighbour's longest latency during the case. */
  readonly neighbourMaxMs: number;
  readonly why: string;
}

export interface Summary {
  readonly rows: number;
  readonly cases: number;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  readonly durationMs: number;
  readonly neighbour: {
    readonly latency: Readonly<Record<SampleKind, Distribution>>;
    readonly connectionsLost: number;
    readonly eventsPublished: number;
    readonly eventsReceived: number;
  };
  /** Measurements of the gateway; undefined if the gateway does not report them. */
  readonly gateway: {
    readonly residentMiBBefore?: number;
    readonly residentMiBAfter?: number;
    readonly residentMiBMax?: number;
    readonly heapMiBBefore?: number;
    readonly heapMiBAfter?: number;
    readonly loopDelayMaxMs?: number;
    readonly loopDelayP99Ms?: number;
    readonly connectionsBefore?: number;
    readonly connectionsAfter?: number;
  };
  /**
   * Longest delay of this process's own event loop. The measured latencies include such delays.
   */
  readonly runnerLoopDelayMaxMs: number;
  /** Findings about the whole run. */
  readonly findings: readonly string[];
}

interface CaseRun {
  readonly result: CaseResult;
  readonly from: number;
  readonly to: number;
}

/** How long the gateway may take to close the last connections, in milliseconds. */
const SETTLE_MS = 3000;
/** Number of slow cases that run at the same time. */
const SLOW_LANES = 16;

function now(): number {
  return performance.timeOrigin + performance.now();
}

export interface GatewayFeatures {
  readonly limits: Readonly<Record<string, number>>;
  readonly has: ReadonlySet<Need>;
  readonly publish: NeighbourSetting['publish'];
}

/** Connects as an ordinary client to read the limits and features of the gateway. */
export async function readFeatures(context: HostileContext): Promise<GatewayFeatures> {
  const wire = await Wire.open(context.target);
  try {
    const complaint = await upgrade(wire, context);
    if (complaint !== undefined) throw new Unreachable(`An ordinary client cannot connect: ${complaint}.`);
    const { limits, features, principal, authenticationRequired } = (wire.messages[0]?.data ?? {}) as {
      readonly limits: Readonly<Record<string, number>>;
      readonly features: { readonly broadcast: boolean };
      readonly principal: { readonly scopes: readonly string[] };
      readonly authenticationRequired: boolean;
    };
    if (authenticationRequired)
      throw new Unreachable('The gateway requires a credential: set TIDEMARK_TOKEN or TIDEMARK_API_KEY.');
    const publishes = principal.scopes.some((scope) => scope === 'publish:*');
    const has = new Set<Need>();
    if (context.credential.length > 0) has.add('auth');
    if (publishes) has.add('publish');
    if (publishes && features.broadcast) has.add('broadcast');
    return { limits, has, publish: has.has('broadcast') ? 'command' : publishes ? 'http' : 'none' };
  } finally {
    wire.destroy();
  }
}

class Run {
  readonly #options: RunOptions;
  readonly #context: HostileContext;
  readonly #features: GatewayFeatures;
  readonly #nonce: string;
  readonly #neighbour: NeighbourThread;
  readonly #finished: CaseRun[] = [];

  constructor(options: RunOptions, context: HostileContext, found: GatewayFeatures, nonce: string) {
    this.#options = options;
    this.#context = { ...context, limits: found.limits };
    this.#features = found;
    this.#nonce = nonce;
    this.#neighbour = new NeighbourThread({ context: this.#context, nonce, publish: found.publish });
  }

  async all(): Promise<Summary> {
    try {
      return await this.#all();
    } finally {
      await this.#neighbour.end();
    }
  }

  async #all(): Promise<Summary> {
    const startedAt = now();
    const { target, rows } = this.#options;
    const headers = Object.fromEntries(this.#context.credential);
    const connectionsBefore = await readConnections(target, headers);
    const before = await readGatewayMetrics(target, headers);
    const loop = monitorEventLoopDelay({ resolution: 5 });
    await this.#neighbour.ready();
    loop.enable();
    const lanes = Array.from({ length: SLOW_LANES }, (_each, lane) =>
      this.#lane(rows.filter((row) => row.slow).filter((_row, at) => at % SLOW_LANES === lane)),
    );
    await Promise.all([...lanes, this.#lane(rows.filter((row) => row.slow !== true))]);
    await this.#neighbour.finish();
    loop.disable();
    const connectionsAfter = await this.#settledConnections(headers, connectionsBefore ?? 0);
    const gateway = {
      ...this.#metrics(before),
      ...(connectionsBefore === undefined ? {} : { connectionsBefore }),
      ...(connectionsAfter === undefined ? {} : { connectionsAfter }),
    };
    return this.#summary({ startedAt, gateway, runnerLoopDelayMaxMs: Math.round(loop.max / 1e6) });
  }

  /** Waits until the gateway has closed the connections of the pack, and returns how many connections remain. */
  async #settledConnections(headers: Readonly<Record<string, string>>, before: number): Promise<number | undefined> {
    const until = now() + SETTLE_MS;
    for (;;) {
      const connections = await readConnections(this.#context.target, headers);
      if (connections === undefined || connections <= before || now() > until) return connections;
      await wait(50);
    }
  }

  async #lane(rows: readonly Row[]): Promise<void> {
    for (const row of rows) {
      for (const { entry, variables } of casesOf(row)) {
        if (this.#neighbour.dead) return;
        if (!this.#options.selects(entry.id) && !this.#options.selects(row.id)) continue;
        const missing = row.needs?.find((need) => !this.#features.has.has(need));
        if (missing === undefined) await this.#runOne(entry, variables, row.level ?? 'must');
        else this.#record(entry, [`needs ${missing}`], { verdict: 'n/a', seen: '', from: now() });
      }
    }
  }

  async #runOne(
    entry: Parameters<typeof fill>[0],
    variables: Parameters<typeof fill>[1],
    level: 'must' | 'should',
  ): Promise<void> {
    const from = now();
    const { target, secrets, limits } = this.#context;
    // The events of a case contain this value, so the report of an event that should have been refused names the case.
    const nonce = `${this.#nonce}-${entry.id}`;
    const fresh = randomBytes(6).toString('hex');
    const words = { host: hostOf(target), path: target.path, nonce, fresh, canary: secrets[0] ?? '' };
    const lossesBefore = this.#neighbour.losses.length;
    const { findings, seen } = await runCase(fill(entry, variables, { limits, words }), this.#context);
    const answered = await this.#neighbour.fence();
    const lost = this.#neighbour.losses
      .slice(lossesBefore)
      .map(({ why }) => `the neighbour lost its connection: ${why}`);
    const all = [...findings, ...lost, ...(answered ? [] : ['the gateway no longer replies to its neighbour'])];
    const verdict = all.length === 0 ? 'pass' : level === 'should' ? 'warn' : 'fail';
    this.#record(entry, all, { verdict, seen, from });
  }

  #record(
    { id, clause, why }: Parameters<typeof fill>[0],
    findings: readonly string[],
    { verdict, seen, from }: { readonly verdict: Verdict; readonly seen: string; readonly from: number },
  ): void {
    const to = now();
    const neighbourMaxMs = worstBetween(this.#neighbour.samples, from, to);
    const result = { id, clause, verdict, findings, seen, ms: Math.round(to - from), neighbourMaxMs, why };
    this.#finished.push({ result, from, to });
    this.#options.onResult(result);
  }

  #metrics(before: GatewayMetrics | undefined): Summary['gateway'] {
    const { metrics } = this.#neighbour;
    const after = metrics.at(-1);
    if (before === undefined || after === undefined) return {};
    const mebibytes = (bytes: number | undefined): number => Math.round((bytes ?? 0) / 2 ** 20);
    return {
      residentMiBBefore: mebibytes(before.residentBytes),
      residentMiBAfter: mebibytes(after.residentBytes),
      residentMiBMax: mebibytes(Math.max(...metrics.map((each) => each.residentBytes ?? 0))),
      ...(after.heapBytes === undefined
        ? {}
        : { heapMiBBefore: mebibytes(before.heapBytes), heapMiBAfter: mebibytes(after.heapBytes) }),
      loopDelayMaxMs: Math.max(...metrics.map((each) => each.loopDelayMaxMs ?? 0)),
      loopDelayP99Ms: Math.max(...metrics.map((each) => each.loopDelayP99Ms ?? 0)),
    };
  }

  #summary(rest: {
    readonly startedAt: number;
    readonly gateway: Summary['gateway'];
    readonly runnerLoopDelayMaxMs: number;
  }): Summary {
    const { samples, losses, published, received, strays, dead } = this.#neighbour;
    const of = (kind: SampleKind): Distribution => distribution(samples.filter((each) => each.kind === kind));
    const tally = (verdict: Verdict): number =>
      this.#finished.filter(({ result }) => result.verdict === verdict).length;
    const findings = [
      ...strays.map((text) => `an event arrived that should have been refused: ${text.slice(0, 300)}`),
      ...(received < published ? [`the neighbour missed ${published - received} of ${published} events`] : []),
      ...(losses.length > 0 ? [`the neighbour lost its connection ${losses.length} times: ${losses[0]?.why}`] : []),
      ...(dead ? ['the gateway no longer accepts connections'] : []),
    ];
    return {
      rows: this.#options.rows.length,
      cases: this.#finished.length,
      verdicts: { pass: tally('pass'), fail: tally('fail'), warn: tally('warn'), 'n/a': tally('n/a') },
      durationMs: Math.round(now() - rest.startedAt),
      neighbour: {
        latency: { frame: of('frame'), command: of('command'), event: of('event') },
        connectionsLost: losses.length,
        eventsPublished: published,
        eventsReceived: received,
      },
      gateway: rest.gateway,
      runnerLoopDelayMaxMs: rest.runnerLoopDelayMaxMs,
      findings,
    };
  }
}

/**
 * Sends each row of the hostile pack (one kind of hostile input) to a gateway.
 * @throws {Unreachable} when an ordinary client cannot connect
 */
export async function runPack(options: RunOptions): Promise<Summary> {
  const nonce = randomBytes(6).toString('hex');
  const context = hostileContextOf(options);
  return new Run(options, context, await readFeatures(context), nonce).all();
}

/** The context before the first connection: the default limits, and a secret that the server must never send back. */
export function hostileContextOf({
  target,
  credential,
  patienceMs,
}: Pick<RunOptions, 'target' | 'credential' | 'patienceMs'>): HostileContext {
  const canary = `canary-${randomBytes(12).toString('hex')}`;
  const limits = Object.fromEntries(Object.entries(LIMITS).map(([name, limit]) => [name, limit.default]));
  return { target, credential, patienceMs, limits, secrets: [canary, ...credential.map(([, value]) => value)] };
}
