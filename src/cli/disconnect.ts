/** `tidemark disconnect`: closes the connection of one client, regardless of the node to which the client is connected (OPS-8). */
import type { Command } from 'commander';
import type { DisconnectResult } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { CliError, EXIT } from './exit.ts';
import { call, remoteOptions } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { plain, print, printJson } from './terminal.ts';

interface DisconnectOptions extends RemoteOptions {
  readonly reconnect: boolean;
  readonly json?: true;
}

export function registerDisconnect(program: Command): void {
  remoteOptions(program.command('disconnect'))
    .description('close the connection of a client; the client then reconnects and resumes, except with --no-reconnect')
    .argument('<connection>', 'id of the connection, as `tidemark top` and the console show it')
    .option('--no-reconnect', 'close with 4009, after which the client does not reconnect automatically')
    .option('--json', 'print the response of /ws/disconnect as JSON')
    .action(disconnect);
}

async function disconnect(connectionId: string, options: DisconnectOptions): Promise<void> {
  const { reconnect, json } = options;
  const result = (await call(options, {
    method: 'POST',
    below: '/disconnect',
    body: { connectionId, ...(reconnect ? {} : { reconnect }) },
    fits: httpValidators.disconnect_result,
  })) as DisconnectResult;
  if (json) await printJson(result);
  else if (result.disconnected) await print(doneText(connectionId, options, result));
  if (!result.disconnected) throw notFound(connectionId, result);
}

function doneText(
  connectionId: string,
  { reconnect }: DisconnectOptions,
  { nodeId = 'unknown' }: DisconnectResult,
): string {
  const next = reconnect ? 'The client reconnects and resumes.' : 'The client does not reconnect automatically.';
  return plain(`${connectionId} on node ${nodeId} was disconnected. ${next}`);
}

function notFound(connectionId: string, { missingNodes }: DisconnectResult): CliError {
  if (missingNodes.length === 0)
    return new CliError(
      `No open connection has the id ${plain(connectionId)}. \`tidemark top\` lists the connections with subscriptions.`,
      EXIT.runtime,
    );
  return new CliError(
    `The connection ${plain(connectionId)} was not found, but nodes did not answer: ${missingNodes.map(plain).join(', ')}. Try again.`,
    EXIT.unreachable,
  );
}
