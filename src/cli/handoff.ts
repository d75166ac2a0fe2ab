/**
 * `tidemark handoff`: agents offer work in a session, and an offer is held by one agent at a time. `agents/handoff-state.ts` describes the
 * protocol.
 */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { Position } from '../../generated/client.ts';
import { HandoffLog, HandoffLostError } from '../agents/handoff-log.ts';
import { DEFAULT_LEASE_S, OfferError, offerWork, reportWork, TakeUnknownError, takeWork } from '../agents/handoff.ts';
import type { HeldStep } from '../agents/handoff.ts';
import { writePosition } from '../agents/position.ts';
import { readPosition, readSeconds } from './event-options.ts';
import { CliError, EXIT } from './exit.ts';
import { remoteOptions } from './remote.ts';
import { withClient } from './client-command.ts';
import type { ConnectOptions, TimedOptions } from './client-command.ts';
import { printJson, printStatus, tint } from './terminal.ts';

interface HandoffOptions extends TimedOptions {
  readonly session: string;
  readonly actor: string;
}

interface OfferOptions extends HandoffOptions {
  readonly task: unknown;
  readonly offer?: string;
  /** The lease: how long an agent keeps the work if it does not renew the lease. In milliseconds. */
  readonly lease: number;
}

interface TakeOptions extends HandoffOptions {
  readonly offer?: string;
}

interface HeldOptions extends HandoffOptions {
  readonly offer: string;
  readonly fence: Position;
}

export function registerHandoff(program: Command): void {
  const handoff = program
    .command('handoff')
    .description('hand work over between agents; the stream of a session records each step');
  common(handoff.command('offer'))
    .description('offer work; prints the session and the id of the offer')
    .requiredOption('--task <json>', 'description of the work, as any JSON value', readJson)
    .option('--offer <id>', 'id of the offer; nothing is published if this id was offered before (default: random)')
    .addOption(
      new Option('--lease <seconds>', 'time after which taken work is offered again, unless the agent renews the lease')
        .argParser(readSeconds)
        .default(DEFAULT_LEASE_S * 1000, `${DEFAULT_LEASE_S}`),
    )
    .action(offer);
  common(handoff.command('take'))
    .description(
      'wait for an offer that no agent holds, and take it; prints the task, and the fence that renew, done and release require',
    )
    .option('--offer <id>', 'take only the offer with the given id')
    .action(take);
  for (const [name, description] of [
    ['renew', 'extend the lease of taken work'],
    ['done', 'report that taken work is done'],
    ['release', 'give taken work back, so that it is offered again'],
  ] as const)
    common(handoff.command(name))
      .description(`${description}; exits with 3 if the fence is no longer valid`)
      .requiredOption('--offer <id>', 'id of the offer that was taken')
      .requiredOption('--fence <epoch:sequenceId>', 'the fence that `take` printed', readPosition)
      .action((options: HeldOptions) => report(name, options));
  common(handoff.command('list'))
    .description('print every offer and the agent that holds it, one JSON object per line')
    .action(list);
}

function common(command: Command): Command {
  return remoteOptions(command)
    .requiredOption('--session <id>', 'id of the session, whose stream is session:<id>')
    .option('--actor <name>', 'name of this agent', userInfo().username)
    .option('--timeout <seconds>', 'exit with 5 after the given time', readSeconds);
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
  await withLog(options, async (log, signal) => {
    await offerWork(log, { offer: id, task, leaseMs: lease }, { actor, signal });
    await printJson({ session, offer: id });
  });
}

/**
 * Takes work. The time limit ends the wait for an offer. If a `take` was already sent, the command still waits for its result, because this
 * agent may hold the work.
 */
async function take({ timeout, ...options }: TakeOptions): Promise<void> {
  const { session, actor } = options;
  const limit = timeout === undefined ? new AbortController().signal : AbortSignal.timeout(timeout);
  const connecting = timeout === undefined ? {} : { connectTimeout: timeout };
  const run = async (log: HandoffLog, signal: AbortSignal): Promise<void> => {
    const { offer: id, task, fence, until } = await takeWork(log, options.offer, { actor, signal, limit });
    const leaseUntil = new Date(until).toISOString();
    await printJson({ session, offer: id, task, fence: writePosition(fence), leaseUntil });
  };
  try {
    await withLog({ ...options, ...connecting, limit }, run);
  } catch (error) {
    if (!limit.aborted || error !== limit.reason) throw error;
    printStatus('Timed out.');
    process.exitCode = EXIT.unreachable;
  }
}

async function report(step: HeldStep, options: HeldOptions): Promise<void> {
  const { session, actor, offer: id, fence } = options;
  await withLog(options, async (log, signal) => {
    if (await reportWork(log, { step, offer: id, fence }, { actor, signal }))
      return printJson({ session, offer: id, step });
    printStatus(
      `The fence is no longer valid: the offer ${id} is done, released, or taken again. Nothing was changed.`,
    );
    process.exitCode = EXIT.findings;
  });
}

async function list(options: HandoffOptions): Promise<void> {
  await withLog(options, async (log) => {
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

interface LogOptions extends HandoffOptions, ConnectOptions {
  /** Time limit for opening the log. After that, each command applies its own limit. */
  readonly limit?: AbortSignal;
}

async function withLog(
  options: LogOptions,
  run: (log: HandoffLog, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const limits = options.limit === undefined ? [] : [options.limit];
  await withClient(options, async (client, signal) => {
    try {
      const log = await HandoffLog.open(client, options.session, AbortSignal.any([signal, ...limits]));
      if (log.warning !== undefined) printStatus(tint('yellow', log.warning));
      await run(log, signal);
    } catch (error) {
      throw asFailure(error);
    }
  });
}

function asFailure(error: unknown): unknown {
  if (error instanceof TakeUnknownError) return new CliError(error.message, EXIT.unreachable);
  if (error instanceof HandoffLostError) return new CliError(error.message, EXIT.runtime);
  if (error instanceof OfferError)
    return new CliError(error.message, error.reason === 'done' ? EXIT.findings : EXIT.usage);
  return error;
}
