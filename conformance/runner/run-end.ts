/**
 * The end of a run. Connections have stayed open, so that late and duplicate frames are recorded. Now each connection
 * sends a last `sync`, and the server is asked for its list of the subscriptions of these connections. Then the
 * connections are closed, and the server is asked again.
 */
import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import { commandValidators } from '../../generated/validators.js';
import { QUIET_MARK } from '../invariants/quiet.ts';
import { isArray, member, textAt } from '../trace/json.ts';
import { isEventStream, read } from '../trace/reading.ts';
import type { ConnectionReading } from '../trace/reading.ts';
import type { Connection } from './connection.ts';
import { PATIENCE_MS, UnreachableError } from './context.ts';
import type { RunContext } from './context.ts';
import { sendRequest } from './http-request.ts';

const CHECK = 'run-end';
/** How many connections to ask the server about: enough to find a fault, few enough to be quick. */
const SAMPLE = 24;
const POLL_MS = 50;

interface Pair {
  readonly connection: Connection;
  readonly reading: ConnectionReading;
}

function openPairs(context: RunContext): readonly Pair[] {
  const readings = new Map(read(context.trace).connections.map((each) => [each.number, each]));
  return [...context.connections].flatMap((connection) => {
    const reading = readings.get(connection.number);
    return reading === undefined || !connection.isOpen ? [] : [{ connection, reading }];
  });
}

function livingStreams({ subscriptions }: ConnectionReading): readonly string[] {
  return [...new Set(subscriptions.filter(({ ended }) => ended === undefined).map(({ stream }) => stream))];
}

/** Sends `sync` for each stream. When the server answers, it has written every event published so far. */
async function fence({ connection, reading }: Pair, patience: number): Promise<void> {
  // A client that uses server-sent events cannot send commands.
  if (isEventStream(reading)) return;
  for (const [index, stream] of livingStreams(reading).entries()) {
    const id = `run-end-${index}`;
    const command = { type: 'sync', id, data: { stream } };
    // A faulty server may have accepted an invalid stream name; the suite itself must not send one.
    if (!commandValidators.sync(command)) continue;
    await connection.sendCommand(JSON.stringify(command));
    await connection.find((frame) => textAt(frame.json, 'id') === id, patience);
  }
}

function allAnswered(context: RunContext): boolean {
  return openPairs(context).every(({ reading }) => reading.commands.every(({ reply }) => reply !== undefined));
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms);
  });
}

async function settle(context: RunContext, patience: number): Promise<void> {
  const isLate = context.clock.limit(patience);
  while (!allAnswered(context) && !isLate()) await pause(POLL_MS);
  context.trace.add({ actor: 'runner', connection: 0, dir: '>>', kind: 'mark', text: QUIET_MARK, check: CHECK });
}

/** The status of the response to a request above the rate limit (OPS-6). Such a request is sent again later. */
const TOO_MANY = 429;

/**
 * How many subscriptions the server lists for a connection; undefined if the response has no list, Infinity if the request was rate
 * limited.
 */
async function ask(context: RunContext, connectionId: string): Promise<number | undefined> {
  const { method, path } = HTTP_OPERATIONS.get_subscriptions;
  const request = { method, path, query: { connection: connectionId } };
  const { body, status } = await sendRequest({ context, check: CHECK, request });
  if (status === TOO_MANY) return Infinity;
  const items = member(body, 'items');
  return isArray(items) ? items.length : undefined;
}

/**
 * Asks until the server lists no subscription of the connection, or the time has passed. A server may notice the end of
 * a connection late.
 */
async function askUntilGone(context: RunContext, connectionId: string, isLate: () => boolean): Promise<void> {
  for (;;) {
    const listed = await ask(context, connectionId);
    if (listed === undefined || listed === 0 || isLate()) return;
    await pause(POLL_MS);
  }
}

async function closeAll(pairs: readonly Pair[], patience: number): Promise<void> {
  await Promise.all(pairs.map(({ connection }) => connection.end({ code: 1000 }, patience)));
}

export async function endRun(context: RunContext): Promise<void> {
  const patience = PATIENCE_MS * context.timeScale;
  const pairs = openPairs(context);
  await Promise.all(pairs.map((pair) => fence(pair, patience)));
  await settle(context, patience);
  const ids = pairs
    .filter(({ reading }) => reading.commands.some(({ type }) => type === 'subscribe'))
    .map(({ reading }) => textAt(reading.welcome, 'connectionId') ?? '')
    .slice(0, SAMPLE);
  const asks = context.profile.http === 'served' && !context.config.without.includes('http');
  try {
    if (asks) for (const id of ids) await ask(context, id);
    await closeAll(pairs, patience);
    const isLate = context.clock.limit(patience);
    if (asks) for (const id of ids) await askUntilGone(context, id, isLate);
  } catch (error) {
    // The last tape may have shut the target down, so an unreachable target is not an error here.
    if (!(error instanceof UnreachableError)) throw error;
  }
}
