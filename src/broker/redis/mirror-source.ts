/** The queries with which a mirror reads its stream from Redis. */
import type { RedisConnection } from './connection.ts';
import type { EpochFence } from './fence/epoch-fence.ts';
import { LeftEpochs } from './fence/left-epochs.ts';
import type { RedisKeys } from './keys.ts';
import { asTexts, parseLine, parseState } from './line.ts';
import type { Line, StreamState } from './line.ts';
import type { LogEntry, LogPage, MirrorSource } from './mirror.ts';
import type { TaskQueue } from './task-queue.ts';

export interface MirrorSourceOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly fence: EpochFence;
  /** Runs a task of the stream as soon as the queue allows. @throws {Error} if the stream is no longer mirrored */
  readonly run: <T>(queue: TaskQueue, task: () => Promise<T>) => Promise<T>;
  /** Limits the number of concurrent reads. */
  readonly reads: TaskQueue;
  /** Limits the number of concurrent questions to the other nodes. An answer may take seconds, but causes few Redis commands. */
  readonly questions: TaskQueue;
  /** Called before each `open` of the stream, and awaited. */
  readonly beforeOpen: () => Promise<void>;
  /** Whether the stream must be created if it does not exist. */
  readonly mayCreate: () => boolean;
}

/** Thrown if a stream does not exist and may not be created. The index named the stream, so it existed and has expired. */
export class StreamExpired extends Error {}

const PAGE_EVENTS = 512;

export function mirrorSource(stream: string, options: MirrorSourceOptions): MirrorSource {
  const { connection, keys, fence, run, reads, questions, mayCreate } = options;
  const { meta, log } = keys.of(stream);
  const left = new LeftEpochs();
  const settled = async (state: StreamState): Promise<StreamState> => {
    let current = state;
    while (left.has(current.epoch)) current = await fence.end(stream, current);
    left.note(current.epoch);
    return current;
  };
  const readPage = async (from: LogEntry | undefined): Promise<LogPage> => {
    await fence.incarnation(stream);
    const { departures } = fence;
    const id = from === undefined ? '-' : `${from.at}-${from.sequenceId}`;
    return toPage(await connection.run('read', [meta, log], [id, PAGE_EVENTS]), departures);
  };
  return {
    readLog: (from) =>
      run(reads, async () => {
        for (;;) {
          const page = await readPage(from);
          if (page.state === undefined || (await settled(page.state)) === page.state) return page;
        }
      }),
    readRetained: () => run(reads, () => readRetained(stream, options)),
    // `open` counts as a question, because the fence may have to ask the other nodes first.
    open: () =>
      run(questions, async () => {
        await options.beforeOpen();
        if (mayCreate()) return settled(await fence.open(stream));
        const state = await fence.find(stream);
        if (state === undefined) throw new StreamExpired(`stream ${stream} expired before it was read`);
        return settled(state);
      }),
    settle: () => run(questions, async () => settled(await fence.settle(stream))),
    isSettled: (state) => fence.isCurrent(stream, state),
  };
}

async function readRetained(stream: string, { connection, keys }: MirrorSourceOptions): Promise<readonly Line[]> {
  const { meta, latest, order } = keys.of(stream);
  const lines: Line[] = [];
  for (let from = '-inf'; from !== '';) {
    const reply = await connection.run('retained', [meta, latest, order], [from, PAGE_EVENTS]);
    const [, next = '', ...page] = asTexts(reply);
    lines.push(...page.map(parseLine));
    from = next;
  }
  return lines;
}

function toPage(reply: unknown, departures: number): LogPage {
  const [state = '', more, ...lines] = asTexts(reply);
  const parsed = state === '' ? undefined : parseState(state);
  return { state: parsed, departures, more: more === '1', lines: lines.map(parseLine) };
}
