/**
 * Tools that hand work to exactly one agent at a time, through the log of a session. The rules are in
 * `src/agents/handoff-state.ts`.
 */
import { LONGEST_S } from '../../src/agents/duration.ts';
import { HandoffLog } from '../../src/agents/handoff-log.ts';
import { DEFAULT_LEASE_S, offerWork, reportWork, takeWork } from '../../src/agents/handoff.ts';
import type { HeldStep } from '../../src/agents/handoff.ts';
import { writePosition } from '../../src/agents/position.ts';
import type { Contract } from '../contract/contract.ts';
import type { JsonSchema } from '../contract/schema.ts';
import { objectSchema, POSITION, positionOf } from './tool.ts';
import type { Tool, ToolContext } from './tool.ts';

const sessionIn = (contract: Contract): JsonSchema => ({
  ...contract.member('SessionEventPayload', 'sessionId'),
  description: 'Id of the session through which the agents share work.',
});
const OFFER: JsonSchema = { type: 'string', minLength: 1, maxLength: 100, description: 'Id of the offer.' };
const ACTOR: JsonSchema = { type: 'string', minLength: 1, maxLength: 128, description: 'Name of this agent.' };
const FENCE: JsonSchema = { ...POSITION, description: 'The fence that handoff_take returned. Pass it unchanged.' };
const DEFAULT_TIMEOUT_S = 50;

interface Offering {
  readonly session: string;
  readonly actor: string;
  readonly task: unknown;
  readonly offer?: string;
  readonly leaseSeconds?: number;
}

export const handoffOffer: Tool<Offering> = {
  name: 'handoff_offer',
  title: 'Offer work',
  description:
    'Offers work in a session; only one agent has the work at a time. If the agent does not renew or finish the work within the lease, the work is ' +
    'offered again. Nothing is published if the id `offer` was offered before, so it is safe to retry.',
  isReadOnly: false,
  isIdempotent: false,
  input: (contract) =>
    objectSchema(
      {
        session: sessionIn(contract),
        actor: ACTOR,
        task: { description: 'Description of the work: any JSON value.' },
        offer: { ...OFFER, description: 'Id of the offer; a random id by default.' },
        leaseSeconds: { type: 'number', exclusiveMinimum: 0, maximum: LONGEST_S, default: DEFAULT_LEASE_S },
      },
      ['session', 'actor', 'task'],
    ),
  output: (contract) => objectSchema({ session: sessionIn(contract), offer: OFFER }, ['session', 'offer']),
  run: async ({ session, actor, task, offer = crypto.randomUUID(), leaseSeconds = DEFAULT_LEASE_S }, context) => {
    await withLog(session, context, (log) =>
      offerWork(log, { offer, task, leaseMs: leaseSeconds * 1000 }, { actor, signal: context.signal }),
    );
    return { session, offer };
  },
};

interface Taking {
  readonly session: string;
  readonly actor: string;
  readonly offer?: string;
  readonly timeoutSeconds?: number;
}

export const handoffTake: Tool<Taking> = {
  name: 'handoff_take',
  title: 'Take work',
  description:
    'Waits for work that no agent has, and takes it. If `outcome` is `taken`, the result has the task, the end of the lease, and the fence ' +
    'that handoff_report needs. `none` means that no work was free in time. Renew well before `leaseUntil`: after that time another agent ' +
    'may take the work.',
  isReadOnly: false,
  isIdempotent: false,
  input: (contract) =>
    objectSchema(
      {
        session: sessionIn(contract),
        actor: ACTOR,
        offer: { ...OFFER, description: 'Takes only the work of this offer.' },
        timeoutSeconds: { type: 'number', exclusiveMinimum: 0, maximum: 3600, default: DEFAULT_TIMEOUT_S },
      },
      ['session', 'actor'],
    ),
  output: (contract) =>
    objectSchema(
      {
        outcome: { type: 'string', enum: ['taken', 'none'] },
        session: sessionIn(contract),
        offer: OFFER,
        task: {},
        fence: FENCE,
        leaseUntil: { type: 'string' },
        warning: { type: 'string' },
      },
      ['outcome', 'session'],
    ),
  run: async ({ session, actor, offer: only, timeoutSeconds = DEFAULT_TIMEOUT_S }, context) => {
    const limit = AbortSignal.timeout(timeoutSeconds * 1000);
    const { signal } = context;
    const take = async (log: HandoffLog): Promise<object> => {
      const { offer, task, fence, until } = await takeWork(log, only, { actor, signal, limit });
      const leaseUntil = new Date(until).toISOString();
      return { outcome: 'taken', session, offer, task, fence: writePosition(fence), leaseUntil, ...warningOf(log) };
    };
    return withLog(session, context, async (log) =>
      take(log).catch((error: unknown) => {
        if (!limit.aborted || error !== limit.reason) throw error;
        return { outcome: 'none', session, ...warningOf(log) };
      }),
    );
  },
};

function warningOf({ warning }: HandoffLog): { readonly warning?: string } {
  return warning === undefined ? {} : { warning };
}

interface Reporting {
  readonly session: string;
  readonly actor: string;
  readonly offer: string;
  readonly fence: string;
  readonly step: HeldStep;
}

export const handoffReport: Tool<Reporting> = {
  name: 'handoff_report',
  title: 'Report the state of taken work',
  description:
    'Reports the state of work that handoff_take returned: `done`, `renew` (keep it for another lease) or `release` (give it back). If `isValid` is ' +
    'false, another agent has the work, or the work is done. Then nothing was changed: stop, and do not use your result.',
  isReadOnly: false,
  isIdempotent: false,
  input: (contract) =>
    objectSchema(
      {
        session: sessionIn(contract),
        actor: ACTOR,
        offer: OFFER,
        fence: FENCE,
        step: { type: 'string', enum: ['done', 'renew', 'release'] },
      },
      ['session', 'actor', 'offer', 'fence', 'step'],
    ),
  output: (contract) =>
    objectSchema({ isValid: { type: 'boolean' }, session: sessionIn(contract), offer: OFFER }, [
      'isValid',
      'session',
      'offer',
    ]),
  run: async ({ session, actor, offer, fence, step }, context) => {
    const position = positionOf(fence);
    const isValid = await withLog(session, context, (log) =>
      reportWork(log, { step, offer, fence: position }, { actor, signal: context.signal }),
    );
    return { isValid, session, offer };
  },
};

async function withLog<T>(session: string, context: ToolContext, run: (log: HandoffLog) => Promise<T>): Promise<T> {
  const client = await context.gateway.connected(context.signal);
  const log = await HandoffLog.open(client, session, context.signal);
  try {
    return await run(log);
  } finally {
    void log.close();
  }
}
