/**
 * An agent in a separate process, which a test may kill. It takes work and reports that the work is done, until the test ends the process.
 * It prints every step as a line of JSON.
 *
 *     node src/testing/handoff-agent-program.ts '{"sessionFile":"/…","actor":"a","urls":["ws://…"],"workMs":1000}'
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '../../generated/client.ts';
import { HandoffLog } from '../agents/handoff-log.ts';
import { reportWork, takeWork } from '../agents/handoff.ts';

export interface AgentOptions {
  /** A file that contains the name of the session. If the log of the session is lost, the test writes the name of a new session into it. */
  readonly sessionFile: string;
  readonly actor: string;
  /** The average duration of a piece of work, in milliseconds. */
  readonly workMs: number;
  /** The addresses of the gateways. The agent connects to them in turn. */
  readonly urls: readonly string[];
}

export type AgentStep =
  | {
      readonly kind: 'taken';
      readonly session: string;
      readonly offer: string;
      readonly epoch: string;
      readonly fence: number;
      readonly until: number;
    }
  | {
      readonly kind: 'done';
      readonly session: string;
      readonly offer: string;
      readonly fence: number;
      readonly hasCounted: boolean;
    }
  | { readonly kind: 'failed'; readonly message: string };

/** The agent never reports on this fraction of its work. The lease of such work ends, and another agent takes it. */
const FORGETS = 0.05;
/** How long the agent waits for work before it connects to the other gateway, in milliseconds. */
const PATIENCE_MS = 15_000;

const { sessionFile, actor, urls, workMs } = JSON.parse(process.argv[2] ?? '{}') as AgentOptions;

function print(step: AgentStep): void {
  process.stdout.write(`${JSON.stringify(step)}\n`);
}

async function work(url: string): Promise<never> {
  const client = createClient({ url, backoff: { minMs: 20, maxMs: 500 } });
  try {
    const session = await readFile(sessionFile, 'utf8');
    const log = await HandoffLog.open(client, session, AbortSignal.timeout(PATIENCE_MS));
    for (;;) {
      const acting = { actor, signal: AbortSignal.timeout(2 * PATIENCE_MS) };
      const limit = AbortSignal.timeout(PATIENCE_MS);
      const { offer, fence, until } = await takeWork(log, undefined, { ...acting, limit });
      print({ kind: 'taken', session, offer, epoch: fence.epoch, fence: fence.sequenceId, until });
      await sleep(workMs * 2 * Math.random());
      if (Math.random() < FORGETS) continue;
      const hasCounted = await reportWork(log, { step: 'done', offer, fence }, acting);
      print({ kind: 'done', session, offer, fence: fence.sequenceId, hasCounted });
    }
  } finally {
    await client.close();
  }
}

for (let turn = 0; ; turn += 1) {
  try {
    await work(urls[turn % urls.length] ?? '');
  } catch (error) {
    print({ kind: 'failed', message: String(error) });
    await sleep(200);
  }
}
