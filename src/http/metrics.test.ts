/** The metrics of a gateway, checked with Prometheus's own `promtool`. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CLOSE_CODES, COMMANDS, ERRORS, EVENTS, GAP_REASONS } from '../../generated/protocol.ts';
import { PROMTOOL, locate } from '../../scripts/tools.ts';
import { createGateway } from '../gateway.ts';
import type { Gateway } from '../gateway.ts';

let gateway: Gateway;
let httpUrl: string;

beforeEach(async () => {
  gateway = createGateway({ nodeId: 'node-a' });
  ({ httpUrl } = await gateway.listen({ port: 0 }));
});
afterEach(() => {
  vi.restoreAllMocks();
  return gateway.close({ drainMs: 0 });
});

async function scrape(): Promise<string> {
  return (await fetch(`${httpUrl}/metrics`)).text();
}

/** The lines of one metric, without its help and its type. */
async function linesOf(name: string): Promise<string[]> {
  return (await scrape()).split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

describe('/metrics', () => {
  test('passes the checks of promtool', async () => {
    const program = locate(PROMTOOL);
    if (program === undefined) throw new Error('promtool is missing: run node scripts/ensure-tools.ts');
    await gateway.publish('tick', { n: 1 });
    const { status, stdout, stderr } = spawnSync(program, ['check', 'metrics'], {
      input: await scrape(),
      encoding: 'utf8',
    });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  test('counts open files and connections without listing them', async () => {
    const listings = [vi.spyOn(process, 'getActiveResourcesInfo'), vi.spyOn(fs, 'readdirSync')];
    const numberOf = async (name: string): Promise<number> => Number((await linesOf(name))[0]?.split(' ')[1]);
    const before = await numberOf('process_open_fds');
    const socket = new WebSocket(`${httpUrl.replace('http', 'ws')}/ws`);
    await once(socket, 'open');
    // Both ends of the connection are in this process, and each has a file descriptor.
    expect(await numberOf('process_open_fds')).toBeGreaterThanOrEqual(before + 2);
    expect(await numberOf('tidemark_connections')).toBe(1);
    for (const each of listings) expect(each).not.toHaveBeenCalled();
    socket.close();
  });

  test('shows version, contract and node', async () => {
    const [line] = await linesOf('tidemark_build_info');
    const { version, contractDigest } = gateway.health();
    expect(line).toContain(`version="${version}"`);
    expect(line).toContain(`contract_digest="${contractDigest}",node_id="node-a"} 1`);
  });

  test.each([
    ['closed_total', 'code', Object.values(CLOSE_CODES).map(({ code }) => String(code))],
    ['errors_total', 'code', Object.keys(ERRORS)],
    ['gaps_total', 'reason', [...GAP_REASONS]],
    ['published_total', 'event', [...Object.keys(EVENTS), '*']],
    ['command_duration_seconds_count', 'command', Object.keys(COMMANDS)],
    ['replay_duration_seconds_count', 'kind', ['warm', 'resume']],
    ['budget_dropped_total', 'name', Object.keys({ historyBudgetBytes: 0, filterBytes: 0, sendQueueBudgetBytes: 0 })],
  ])('has every series of tidemark_%s before the first count', async (name, label, values) => {
    const lines = await linesOf(`tidemark_${name}`);
    for (const value of values) expect(lines).toContain(`tidemark_${name}{${label}="${value}"} 0`);
  });

  test('has histograms with cumulative buckets, and a time for each event that was delivered', async () => {
    const socket = new WebSocket(`${httpUrl.replace('http', 'ws')}/ws`);
    const received: string[] = [];
    await new Promise<void>((resolve) => {
      socket.addEventListener('message', ({ data }) => {
        received.push(String(data));
        if (received.some((each) => each.includes('"subscribed"'))) resolve();
      });
      socket.addEventListener('open', () =>
        socket.send('{"type":"subscribe","data":{"events":["tick"],"replay":{"mode":"none"}}}'),
      );
    });
    for (let n = 0; n < 3; n += 1) await gateway.publish('tick', { n });
    await gateway.publish('nobody.wants', {});
    socket.close();
    const buckets = (await linesOf('tidemark_delivery_delay_seconds_bucket')).map((line) => Number(line.split(' ')[1]));
    expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
    expect(buckets.at(-1)).toBe(3);
    expect(await linesOf('tidemark_delivery_delay_seconds_count')).toEqual(['tidemark_delivery_delay_seconds_count 3']);
    expect(await linesOf('tidemark_command_duration_seconds_count')).toContain(
      'tidemark_command_duration_seconds_count{command="subscribe"} 1',
    );
  });
});
