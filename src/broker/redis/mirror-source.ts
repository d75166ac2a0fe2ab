/** The queries with which a mirror reads its stream from Redis. */
import type { RedisConnection } from './connection.ts';
import type { EpochFence } from './fence/epoch-fence.ts';
import type { RedisKeys } from './keys.ts';
import { asTexts, parseLine, parseState } from './line.ts';
import type { Line } from './line.ts';
import type { LogPage, MirrorSource } from './mirror.ts';

export interface MirrorSourceOptions {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly fence: EpochFence;
}

const PAGE_EVENTS = 512;

export function mirrorSource(stream: string, options: MirrorSourceOptions): MirrorSource {
  const { connection, keys, fence } = options;
  const { meta, log } = keys.of(stream);
  return {
    readLog: async (from) => {
      await fence.incarnation(stream);
      const { departures } = fence;
      const id = from === undefined ? '-' : `${from.at}-${from.sequenceId}`;
      return toPage(await connection.run('read', [meta, log], [id, PAGE_EVENTS]), departures);
    },
    readRetained: () => readRetained(stream, options),
    open: () => fence.open(stream),
    settle: () => fence.settle(stream),
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
