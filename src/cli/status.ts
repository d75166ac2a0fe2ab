/** `tidemark status`: how a gateway is (OPS-1). */
import type { Command } from 'commander';
import type { Health } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { EXIT } from './exit.ts';
import { call, remoteOptions } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { paint, plain, print, printJson, table } from './terminal.ts';

export function registerStatus(program: Command): void {
  remoteOptions(program.command('status'))
    .description('say how a gateway is; exits with 1 when it is not ok')
    .option('--json', 'print what /ws/health answers')
    .action(showStatus);
}

async function showStatus(options: RemoteOptions & { readonly json?: true }): Promise<void> {
  const health = (await call(options, { below: '/health', fits: httpValidators.health })) as Health;
  if (options.json) await printJson(health);
  else await print(describe(health));
  if (health.status !== 'ok') process.exitCode = EXIT.runtime;
}

function describe(health: Health): string {
  const { status, version, protocolVersion, nodeId, uptimeMs, connections, subscriptions, broker, backpressure } =
    health;
  const rows = [
    ['status', paint(status === 'ok' ? 'green' : 'red', status)],
    ['gateway', plain(`tidemark ${version}, protocol ${protocolVersion}, node ${nodeId}`)],
    ['up for', duration(uptimeMs)],
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
  const others = (health.otherContracts ?? []).map(({ nodeId: other, contractDigest }) => [
    `  ${plain(other)}`,
    `another contract, ${contractDigest}`,
  ]);
  const streams = health.streams.map(({ stream, position, historyEvents }) => [
    `  ${stream}`,
    plain(`#${position.sequenceId} of ${position.epoch}, ${historyEvents} in history`),
  ]);
  const nodes = others.length === 0 ? [] : [['other nodes', ''], ...others];
  return table([...rows, ...nodes, ...(streams.length === 0 ? [] : [['streams', '']]), ...streams]);
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
