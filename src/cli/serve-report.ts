/** The report that `serve` prints when it is ready: addresses, watched directories, broker, important limits and warnings. */
import type { Resolved } from '../config/config.ts';
import type { Gateway, Listening } from '../gateway.ts';
import type { WatchedDirectory } from '../sources/watched-directory.ts';
import type { Notices } from './log.ts';
import { table, tint } from './terminal.ts';

export interface StartReport {
  readonly resolved: Resolved;
  readonly gateway: Gateway;
  readonly listening: Listening;
  readonly watching: readonly WatchedDirectory[];
}

/** Creates the report as text. If the log is JSON lines, the report is written to the log instead, and the returned text is empty. */
export function startReport(started: StartReport, notices: Notices): string {
  if (notices.format === 'text') return textOf(started);
  const { resolved, gateway, listening, watching } = started;
  const { nodeId } = gateway;
  for (const { where, text } of resolved.warnings) notices.warn(`${where}: ${text}`);
  notices.info('tidemark serves', {
    nodeId,
    ...listening,
    broker: resolved.config.redis === undefined ? 'memory' : 'redis',
    watching: watching.map(({ root, size }) => ({ root, size })),
  });
  return '';
}

function textOf({ resolved, gateway, listening, watching }: StartReport): string {
  const { config, entries, warnings } = resolved;
  const limit = (name: string): number =>
    Number(entries.find(({ setting }) => setting.key === `limits.${name}`)?.value ?? 0);
  const rows = [
    ['events', listening.url],
    ['docs', `${listening.httpUrl}/docs`],
    ['console', `${listening.httpUrl}/console`],
    ['health', `${listening.httpUrl}${config.path}/health`],
    ...watchedRows(watching, config),
    ['broker', brokerText(config.redis)],
    [
      'limits',
      `history ${limit('historyEvents')} events for ${limit('historyAgeMs') / 60_000} min, queue ${limit('sendQueueBytes') / 1024} KiB per client, ${limit('connectionsPerNode')} connections`,
    ],
    ['node', gateway.nodeId],
  ];
  const cautions = warnings.map(({ where, text }) => tint('yellow', `warning: ${where}: ${text}`));
  return [tint('bold', 'tidemark serves'), table(rows.map((row) => ['  ', ...row])), ...cautions].join('\n');
}

function watchedRows(watching: readonly WatchedDirectory[], { watch, watchStream }: Resolved['config']): string[][] {
  if (watching.length === 0)
    return [['watching', 'nothing; --watch <directory> publishes changes of files in a directory']];
  return watching.map(({ root, size }, index) => [
    index === 0 ? 'watching' : '',
    `${watch[index]?.directory ?? ''} as ${root} (${size} files and directories) on ${watchStream}`,
  ]);
}

function brokerText(redis: string | undefined): string {
  if (redis === undefined)
    return 'memory: history is lost when this process ends; with --redis, nodes share the history and it survives a restart';
  return `Redis at ${redis.replace(/(:\/\/)[^@/]*@/, '$1')}`;
}
