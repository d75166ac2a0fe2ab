/** `tidemark status`: shows the status of a gateway (OPS-1). */
import type { Command } from 'commander';
import type { Health, HealthSummary } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import type { Validator } from '../../generated/validators.js';
import { EXIT } from './exit.ts';
import { call, remoteOptions } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { paint, plain, print, printJson, table } from './terminal.ts';

export function registerStatus(program: Command): void {
  remoteOptions(program.command('status'))
    .description('show gateway status; exits with 1 if it is not ok')
    .option('--json', 'print the response of /ws/health')
    .action(showStatus);
}

type Report = Health | HealthSummary;

async function showStatus(options: RemoteOptions & { readonly json?: true }): Promise<void> {
  const report = (await call(options, { below: '/health', fits: isReport })) as Report;
  if (options.json) await printJson(report);
  else await print(table([...summaryRows(report), ...(isFull(report) ? detailRows(report) : HIDDEN)]));
  if (report.status !== 'ok') process.exitCode = EXIT.runtime;
}

const isReport: Validator = (value) => httpValidators.health(value) || httpValidators.health_summary(value);

function isFull(report: Report): report is Health {
  return 'streams' in report;
}

const HIDDEN = [['more', 'needs a credential with the scope admin:read']];

function summaryRows({ status, version, protocolVersion, nodeId, uptimeMs }: Report): string[][] {
  return [
    ['status', paint(status === 'ok' ? 'green' : 'red', status)],
    ['gateway', plain(`tidemark ${version}, protocol ${protocolVersion}, node ${nodeId}`)],
    ['up for', duration(uptimeMs)],
  ];
}

function detailRows({ connections, subscriptions, broker, backpressure, otherContracts, streams }: Health): string[][] {
  const rows = [
    [
      'broker',
      `${broker.kind}, ${broker.connected ? `connected, ${broker.lagMs} ms` : 'NOT CONNECTED: publishes are refused'}`,
    ],
    ['connections', String(connections)],
    ['subscriptions', String(subscriptions.total)],
    [
      'queued',
      `${backpressure.queuedBytes} bytes, ${backpressure.slow} slow, ${backpressure.closedSlow} closed as slow`,
    ],
  ];
  const others = (otherContracts ?? []).map(({ nodeId: other, contractDigest }) => [
    `  ${plain(other)}`,
    `another contract, ${contractDigest}`,
  ]);
  const places = streams.map(({ stream, position, historyEvents }) => [
    `  ${stream}`,
    plain(`#${position.sequenceId} of ${position.epoch}, ${historyEvents} in history`),
  ]);
  const nodes = others.length === 0 ? [] : [['other nodes', ''], ...others];
  return [...rows, ...nodes, ...(places.length === 0 ? [] : [['streams', '']]), ...places];
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return '0 s';
  return parts
    .slice(first, first + 2)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}
