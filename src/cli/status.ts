/** `tidemark status`: shows the status of a gateway (OPS-1). */
import type { Command } from 'commander';
import type { Health, HealthSummary } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import type { Validator } from '../../generated/validators.js';
import { EXIT } from './exit.ts';
import { bytesText, durationText } from './quantity.ts';
import { call, remoteOptions } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { clientsOf, readSubscriptions } from './subscription-reports.ts';
import { paint, plain, print, printJson, table } from './terminal.ts';

export function registerStatus(program: Command): void {
  remoteOptions(program.command('status'))
    .description('show gateway status; exits with 1 if the status is not ok')
    .option('--json', 'print the response of /ws/health as JSON')
    .action(showStatus);
}

type Report = Health | HealthSummary;

async function showStatus(options: RemoteOptions & { readonly json?: true }): Promise<void> {
  const report = (await call(options, { below: '/health', fits: isReport })) as Report;
  if (options.json) await printJson(report);
  else
    await print(
      table([
        ...summaryRows(report),
        ...(isFull(report) ? [...detailRows(report), ...(await slowClientRows(options))] : HIDDEN),
      ]),
    );
  if (report.status !== 'ok') process.exitCode = EXIT.runtime;
}

const isReport: Validator = (value) => httpValidators.health(value) || httpValidators.health_summary(value);

function isFull(report: Report): report is Health {
  return 'streams' in report;
}

const HIDDEN = [['more', 'needs a credential with the scope admin:read']];

/** One row for each slow client of all nodes, the longest queue first. (`/ws/health` only counts the slow clients of one node.) */
async function slowClientRows(options: RemoteOptions): Promise<string[][]> {
  const { items } = await readSubscriptions(options);
  const slow = clientsOf(items, Date.now())
    .filter((client) => client.slow)
    .toSorted((a, b) => b.queuedBytes - a.queuedBytes);
  if (slow.length === 0) return [];
  return [
    ['slow clients', ''],
    ...slow.map(({ principal, remoteAddress, nodeId, connectionId, queuedBytes, oldestQueuedMs }) => [
      `  ${plain(principal)}`,
      plain(
        `${bytesText(queuedBytes)} queued, the oldest for ${durationText(oldestQueuedMs)}; ${remoteAddress ?? 'unknown address'}, node ${nodeId}, connection ${connectionId}`,
      ),
    ]),
  ];
}

function summaryRows({ status, version, protocolVersion, nodeId, uptimeMs }: Report): string[][] {
  return [
    ['status', paint(status === 'ok' ? 'green' : 'red', status)],
    ['gateway', plain(`tidemark ${version}, protocol ${protocolVersion}, node ${nodeId}`)],
    ['up for', durationText(uptimeMs)],
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
