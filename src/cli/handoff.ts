/** `tidemark handoff`: agents offer work in a session, and exactly one agent takes each offer. The protocol is in `handoff-state.ts`. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Position } from '../../generated/client.ts';
import { readPosition, readSeconds } from './event-options.ts';
import { CliError, EXIT } from './exit.ts';
import { HandoffLog } from './handoff-log.ts';
import { isOpen } from './handoff-state.ts';
import type { Offer } from './handoff-state.ts';
import { remoteOptions } from './remote.ts';
import { withClient } from './session-command.ts';
import type { TimedOptions } from './session-command.ts';
import { printJson, say } from './terminal.ts';

interface HandoffOptions extends TimedOptions {
  readonly session: string;
  readonly actor: string;
}

interface OfferOptions extends HandoffOptions {
  readonly task: unknown;
  readonly offer?: string;
  /** Milliseconds. */
  readonly lease: number;
}

interface TakeOptions extends HandoffOptions {
  readonly offer?: string;
}

interface HeldOptions extends HandoffOptions {
  readonly offer: string;
  readonly fence: Position;
}

const DEFAULT_LEASE_S = 60;
/** Delay after the end of a lease before a new attempt, so that slightly different clocks do not cause a failed attempt. */
const AFTER_LEASE_MS = 20;

export function registerHandoff(program: Command): void {
  const handoff = program.command('handoff').description('hand work over between agents, through the log of a session');
  common(handoff.command('offer'))
    .description('offer work; prints the id and the position of the offer')
    .requiredOption('--task <json>', 'description of the work, any JSON value', readJson)
    .option('--offer <id>', 'id of the offer; nothing is published if this id was offered before (default: random)')
    .option(
      '--lease <seconds>',
      'time after which taken work is offered again, unless the agent renews it',
      readSeconds,
      DEFAULT_LEASE_S * 1000,
    )
    .action(offer);
  common(handoff.command('take'))
    .description('wait for work that no agent has, and take it; prints the task and the fence')
    .option('--offer <id>', 'take only this offer')
    .action(take);
  for (const [name, description] of [
    ['renew', 'keep taken work for another lease time'],
    ['done', 'report that taken work is done'],
    ['release', 'give taken work back, so that it is offered again'],
  ] as const)
    common(handoff.command(name))
      .description(`${description}; exits with 3 if the fence is no longer valid`)
      .requiredOption('--offer <id>', 'the offer that was taken')
      .requiredOption('--fence <epoch:sequenceId>', 'the fence that `take` printed', readPosition)
      .action((options: HeldOptions) => speak(name, options));
  common(handoff.command('list'))
    .description('print every offer and the agent that has it, one JSON object per line')
    .action(list);
}

function common(command: Command): Command {
  return remoteOptions(command)
    .requiredOption('--session <id>', 'the session; its stream is session:<id>')
    .option('--actor <name>', 'name of this agent', userInfo().username)
    .option('--timeout <seconds>', 'exit with 5 after this time', readSeconds);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('Expected JSON, such as {"files":["src/a.ts"]} or "a text in double quotes".');
  }
}

async function offer(options: OfferOptions): Promise<void> {
  const { session, actor, task, lease, offer: id = crypto.randomUUID() } = options;
  await withClient(options, async (client, signal) => {
    const log = await HandoffLog.open(client, session);
    const step = { step: 'offer', offer: id, task, leaseMs: lease } as const;
    await log.publish(step, { actor, idempotencyKey: `handoff-offer-${id}`, signal });
    await printJson({ session, offer: id });
  });
}

async function take(options: TakeOptions): Promise<void> {
  const { session, actor } = options;
  await withClient(options, async (client, signal) => {
    const log = await HandoffLog.open(client, session);
    for (;;) {
      const wanted = wantedOf(log, options);
      const open = wanted.find((each) => isOpen(each, log.now));
      if (open === undefined) {
        await log.change(signal, waitFor(wanted, log.now));
        continue;
      }
      const { epoch, sequenceId } = await log.publish({ step: 'take', offer: open.id }, { actor, signal });
      const taken = log.offers.get(open.id);
      if (taken?.holder?.fence !== sequenceId) continue;
      const leaseUntil = new Date(taken.holder.until).toISOString();
      await printJson({ session, offer: taken.id, task: taken.task, fence: `${epoch}:${sequenceId}`, leaseUntil });
      return;
    }
  });
}

/** @throws {CliError} if `--offer` names an offer that is done */
function wantedOf({ offers }: HandoffLog, { offer: only }: TakeOptions): readonly Offer[] {
  if (only !== undefined && offers.get(only)?.isDone === true)
    throw new CliError(`The offer ${only} is done.`, EXIT.findings);
  return [...offers.values()].filter(({ id, isDone }) => !isDone && (only === undefined || id === only));
}

/** Time until the first lease ends, in milliseconds; undefined if no agent has work. */
function waitFor(held: readonly Offer[], now: number): number | undefined {
  const ends = held.flatMap(({ holder }) => (holder === undefined ? [] : [holder.until]));
  return ends.length === 0 ? undefined : Math.max(0, Math.min(...ends) - now) + AFTER_LEASE_MS;
}

async function speak(step: 'renew' | 'done' | 'release', options: HeldOptions): Promise<void> {
  const { session, actor, offer: id, fence } = options;
  await withClient(options, async (client, signal) => {
    const log = await HandoffLog.open(client, session);
    if (!log.offers.has(id)) throw new CliError(`There is no offer ${id} in the session ${session}.`, EXIT.usage);
    const idempotencyKey = step === 'renew' ? crypto.randomUUID() : `handoff-${step}-${id}-${fence.sequenceId}`;
    const spoken = { step, offer: id, fence: fence.sequenceId } as const;
    const { epoch, hasCounted } = await log.publish(spoken, { actor, idempotencyKey, signal });
    if (epoch === fence.epoch && hasCounted) return printJson({ session, offer: id, step });
    say(`The fence is no longer valid: the offer ${id} is done, released, or taken again. Nothing was changed.`);
    process.exitCode = EXIT.findings;
  });
}

async function list(options: HandoffOptions): Promise<void> {
  await withClient(options, async (client) => {
    const log = await HandoffLog.open(client, options.session);
    for (const { id, task, holder, isDone, leaseMs } of log.offers.values()) {
      const state = isDone ? 'done' : holder === undefined ? 'offered' : log.now >= holder.until ? 'expired' : 'held';
      const held =
        holder === undefined
          ? {}
          : { actor: holder.actor, fence: holder.fence, leaseUntil: new Date(holder.until).toISOString() };
      await printJson({ offer: id, state, task, leaseMs, ...held });
    }
  });
}
