/**
 * Hands tasks over while every process is killed again and again, at times that a seed determines. The processes are killed independently
 * of each other: for example, Redis while a gateway is starting, or both gateways at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '../../generated/client.ts';
import { HandoffLog, HandoffLostError } from '../agents/handoff-log.ts';
import { offerWork } from '../agents/handoff.ts';
import type { Offers } from '../agents/handoff-state.ts';
import type { HandoffRig, Victim } from './handoff-kills.ts';
import { Random } from './slow-readers/random.ts';

export interface RandomKillsOptions {
  readonly rig: HandoffRig;
  readonly seed: number;
  readonly tasks: number;
  readonly leaseMs: number;
  /** The pause before each kill of a process, in milliseconds: at least `least`, less than `most`. */
  readonly every: { readonly least: number; readonly most: number };
  /** How often each process is killed at most. Without this limit, the work might never end on a busy machine. */
  readonly killsOfEach: number;
}

/** How long a process may take to start before it may be killed again, in milliseconds. */
const LONGEST_START_MS = 30_000;

/** What the lead, the client that offers the tasks, knows of one session. When the log of a session is lost, a new session begins. */
export interface SessionRecord {
  readonly session: string;
  readonly offered: readonly string[];
  /** The offers that the log contained at some time. */
  readonly logged: Set<string>;
  done: readonly string[];
  /** Whether a part of the log was lost. */
  lost: boolean;
}

export interface Outcome {
  readonly sessions: readonly SessionRecord[];
  readonly kills: Readonly<Record<Victim['name'], number>>;
  /** The offers in the log of the last session, read after the work has ended. */
  readonly history: Offers;
}

/** Kills and starts one process again and again, until the work is over. Afterwards, the process is running. */
async function killAgainAndAgain(
  victim: Victim,
  random: Random,
  { every, killsOfEach, over }: RandomKillsOptions & { over: AbortSignal },
) {
  let kills = 0;
  while (kills < killsOfEach) {
    const pause = every.least + random.below(every.most - every.least);
    await sleep(pause, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return kills;
    await victim.kill();
    kills += 1;
    await sleep(random.below(1_500));
    await victim.start();
    // Wait until the process works again, because on a busy machine a start can take longer than the pause between two kills. The wait has
    // a limit, because another process that this one needs may be killed in the meantime.
    await Promise.race([
      Promise.resolve(victim.recovered()).catch(() => undefined),
      sleep(LONGEST_START_MS, undefined, { signal: over, ref: false }).catch(() => undefined),
    ]);
  }
  return kills;
}

/** Offers the tasks over one connection, and waits until all of them are done. @throws {HandoffLostError} if a part of the log was lost */
async function lead(record: SessionRecord, url: string, { leaseMs, over }: RandomKillsOptions & { over: AbortSignal }) {
  const client = createClient({ url, backoff: { minMs: 20, maxMs: 500 } });
  let log: HandoffLog | undefined;
  try {
    log = await HandoffLog.open(client, record.session, over);
    // A new connection has no position to resume from, so it receives no gap. The lead notices a lost log from offers that the log lacks.
    for (const offer of record.logged)
      if (!log.offers.has(offer)) throw new HandoffLostError(`the log no longer contains the offer ${offer}`);
    for (const offer of record.offered)
      if (!log.offers.has(offer)) {
        await offerWork(log, { offer, task: offer, leaseMs }, { actor: 'lead', signal: over });
        record.logged.add(offer);
      }
    for (;;) {
      record.done = doneOf(log.offers);
      if (record.done.length === record.offered.length) return log.offers;
      await log.change(over, 10_000);
    }
  } finally {
    if (log !== undefined) record.done = [...new Set([...record.done, ...doneOf(log.offers)])];
    await client.close();
  }
}

function doneOf(offers: Offers): readonly string[] {
  return [...offers.values()].filter(({ isDone }) => isDone).map(({ id }) => id);
}

export async function runRandomKills(options: RandomKillsOptions): Promise<Outcome> {
  const { rig, seed, tasks } = options;
  const over = new AbortController();
  const working = { ...options, over: over.signal };
  const sessions: SessionRecord[] = [];
  let open: readonly string[] = Array.from({ length: tasks }, (_, n) => `o${n}`);
  const begin = async (): Promise<SessionRecord> => {
    const record = {
      session: `kills-${sessions.length}`,
      offered: open,
      logged: new Set<string>(),
      done: [],
      lost: false,
    };
    sessions.push(record);
    await rig.nameSession(record.session);
    return record;
  };
  let record = await begin();
  for (const agent of rig.agents) agent.start();
  const killing = rig.victims.map((each, at) => killAgainAndAgain(each, new Random(seed * 100 + at), working));
  for (let turn = 0; ; turn += 1) {
    const done = await lead(record, rig.urls[turn % 2] ?? '', working).catch((error: unknown) => error);
    if (!(done instanceof Error)) break;
    if (!(done instanceof HandoffLostError)) continue;
    record.lost = true;
    const finished = new Set(record.done);
    open = open.filter((each) => !finished.has(each));
    if (open.length === 0) break;
    record = await begin();
  }
  over.abort();
  const counts = await Promise.all(killing);
  await Promise.all(rig.gateways.map((each) => each.recovered()));
  const kills = { agent: 0, gateway: 0, redis: 0 };
  for (const [at, { name }] of rig.victims.entries()) kills[name] += counts[at] ?? 0;
  return { sessions, kills, history: await historyOf(record, rig) };
}

async function historyOf({ session }: SessionRecord, { urls }: HandoffRig): Promise<Offers> {
  const client = createClient({ url: urls[0] ?? '', backoff: { minMs: 20, maxMs: 500 } });
  try {
    const log = await HandoffLog.open(client, session, AbortSignal.timeout(60_000));
    return log.offers;
  } finally {
    await client.close();
  }
}

/** Describes what went wrong. The list is empty if each task was done exactly once, or was offered again because its log was lost. */
export function faultsOf(
  { sessions, history }: Outcome,
  { rig, tasks, leaseMs }: RandomKillsOptions,
): readonly string[] {
  const steps = rig.agents.flatMap((agent) => agent.steps);
  const taken = steps.filter((step) => step.kind === 'taken');
  const counted = steps.filter((step) => step.kind === 'done' && step.hasCounted);
  const doneBy = Map.groupBy(counted, (step) => (step.kind === 'done' ? `${step.session} ${step.offer}` : ''));
  const twice = [...doneBy].filter(([, own]) => own.length > 1).map(([what]) => `done twice: ${what}`);
  const overlaps = taken.flatMap((take) =>
    taken
      .filter(
        ({ session, epoch, offer, fence, until }) =>
          session === take.session &&
          epoch === take.epoch &&
          offer === take.offer &&
          fence < take.fence &&
          until > take.until - leaseMs,
      )
      .map(({ session, offer }) => `held by two agents at once: ${session} ${offer}`),
  );
  const epochs = Map.groupBy(taken, ({ session }) => session);
  const mixed = [...epochs]
    .filter(([, own]) => new Set(own.map(({ epoch }) => epoch)).size > 1)
    .filter(([session]) => sessions.find((each) => each.session === session)?.lost !== true)
    .map(([session]) => `the log of ${session} was lost, and the lead did not notice it`);
  const done = new Set(sessions.flatMap((each) => each.done));
  const last = sessions.at(-1);
  const forgotten = (last?.lost === true ? [] : (last?.done ?? []))
    .filter((offer) => history.get(offer)?.isDone !== true)
    .map((offer) => `done, but the log does not have it: ${offer}`);
  const missing = done.size === tasks ? [] : [`${tasks - done.size} tasks are not done`];
  return [...twice, ...overlaps, ...mixed, ...forgotten, ...missing];
}
