/** Runs `tidemark wait` and `tidemark handoff` as processes: against one gateway, and through two gateways on one real Redis. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { CliRunner } from '../testing/cli-process.ts';
import type { CliProcess } from '../testing/cli-process.ts';
import { GatewayProcess } from '../testing/gateway-process.ts';
import { onCleanup, serve } from '../testing/rig.ts';

let home: string;
let cli: CliRunner;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-handoff-'));
  cli = new CliRunner(home);
});
afterEach(() => cli.close());
afterAll(() => rm(home, { recursive: true }));

const sync = <const Status extends string>(status: Status) => ({ status, operationId: 'o1' });
const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

describe('tidemark wait', () => {
  test('prints the event that matches, and the position from which the next wait misses nothing', async () => {
    const { gateway, url } = await serve();
    const { epoch } = await gateway.publish('sync_status', sync('started'));
    await gateway.publish('sync_status', sync('completed'));
    await gateway.publish('sync_status', sync('failed'));
    const args = ['wait', '--url', url, '--event', 'sync_status', '--timeout', '20'];
    const first = await cli.finish([...args, '--since', `${epoch}:1`, '--where', '/payload/status=completed']);
    expect(first).toMatchObject({ code: 0, stderr: `position ${epoch}:2\n` });
    expect(json(first.stdout)).toMatchObject({ event: 'sync_status', sequenceId: 2, payload: { status: 'completed' } });
    const next = await cli.finish([...args, '--since', `${epoch}:2`]);
    expect(json(next.stdout)).toMatchObject({ sequenceId: 3 });
  });

  test('waits on several streams, and prints positions from which the next wait misses nothing on any stream', async () => {
    const { gateway, url } = await serve();
    const { epoch } = await gateway.publish('sync_status', sync('started'));
    const args = [
      'wait',
      '--url',
      url,
      '--event',
      'note',
      '--stream',
      'main',
      '--stream',
      'session:*',
      '--timeout',
      '20',
    ];
    const late = await cli.finish([...args.slice(0, -1), '1.5', '--since', `main=${epoch}:0`]);
    expect(late).toMatchObject({ code: 5, stderr: expect.stringMatching(new RegExp(`\nposition main=${epoch}:1\n$`)) });
    const note = await gateway.publish('note', {}, { stream: 'session:a' });
    const since = `main=${epoch}:1`;
    const next = await cli.finish([...args, '--since', since]);
    expect(json(next.stdout)).toMatchObject({ stream: 'session:a', sequenceId: 1 });
    expect(next).toMatchObject({ code: 0, stderr: `position ${since},session:a=${note.epoch}:1\n` });
    expect(await cli.finish([...args, '--since', `${epoch}:1`])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is a position in one stream'),
    });
  });

  test('exits with 5 when no event has matched in time, and prints the position; exits with 5 when no gateway answers', async () => {
    const { gateway, url } = await serve();
    const { epoch } = await gateway.publish('sync_status', sync('started'));
    const late = await cli.finish(['wait', '--url', url, '--event', 'sync_status', '--timeout', '1.5']);
    expect(late).toMatchObject({ code: 5, stdout: '' });
    expect(late.stderr).toMatch(new RegExp(`No event matching "sync_status".*\\nposition ${epoch}:1\\n`));
    expect(await cli.finish(['wait', '--url', 'ws://127.0.0.1:1/ws', '--event', 'x'])).toMatchObject({ code: 5 });
  });

  test('applies its time limit when a host accepts the connection but never answers', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    onCleanup(() => silent.close());
    const sockets: Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket.on('error', () => undefined)));
    onCleanup(() => sockets.forEach((socket) => socket.destroy()));
    await once(silent, 'listening');
    const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/ws`;
    const late = await cli.finish(['wait', '--url', url, '--event', 'sync_status', '--timeout', '1']);
    expect(late).toEqual({ code: 5, stdout: '', stderr: 'Timed out.\n' });
  });

  test('exits with 1 when events were lost, and with 2 on wrong usage; warns about a misspelt name', async () => {
    const { url } = await serve();
    const lost = await cli.finish(['wait', '--url', url, '--event', '*', '--since', 'elsewhere:7', '--timeout', '20']);
    expect(lost).toMatchObject({ code: 1, stderr: expect.stringMatching(/were lost \(epoch_changed\)/) });
    expect(await cli.finish(['wait', '--event', 'x', '--where', 'status=done'])).toMatchObject({ code: 2 });
    const slip = await cli.finish(['wait', '--url', url, '--event', 'sync_statu', '--timeout', '1']);
    expect(slip.stderr).toContain('did you mean sync_status?');
  });
});

describe('tidemark handoff', () => {
  const run = (url: string, name: string, ...rest: readonly string[]): CliProcess =>
    cli.start(['handoff', name, '--url', url, '--session', 's1', '--timeout', '20', ...rest]);
  const done = async (process: CliProcess): Promise<Record<string, unknown>> => {
    expect({ code: await process.ended, stderr: process.stderr }).toMatchObject({ code: 0 });
    return json(process.stdout);
  };

  test('gives an offer to one agent, and after a release to another one; an expired fence has no effect', async () => {
    const { url } = await serve({ broadcast: 'on' });
    const waiting = run(url, 'take', '--actor', 'ana');
    await done(run(url, 'offer', '--offer', 'o1', '--task', '{"file":"a.ts"}'));
    await done(run(url, 'offer', '--offer', 'o1', '--task', '{"file":"offered twice"}'));
    const taken = await done(waiting);
    expect(taken).toMatchObject({ session: 's1', offer: 'o1', task: { file: 'a.ts' } });
    const held = ['--offer', 'o1', '--fence', String(taken['fence'])];
    await done(run(url, 'renew', ...held));
    const next = run(url, 'take', '--actor', 'ben');
    await done(run(url, 'release', ...held));
    const again = await done(next);
    expect(await run(url, 'done', ...held).ended).toBe(3);
    await done(run(url, 'done', '--offer', 'o1', '--fence', String(again['fence'])));
    const list = await done(run(url, 'list'));
    expect(list).toMatchObject({ offer: 'o1', state: 'done', actor: 'ben' });
    expect(await run(url, 'take', '--offer', 'o1').ended).toBe(3);
    expect(await run(url, 'done', '--offer', 'unknown', '--fence', 'e:1').ended).toBe(2);
  });

  test('through two gateways on one Redis: one of two agents takes the offer, and the other one takes it after the first was killed', async () => {
    const redis = await RedisProcess.start();
    onCleanup(() => redis.stop());
    const gateways = await Promise.all(
      ['north', 'south'].map((nodeId) => GatewayProcess.start({ redisUrl: redis.url, nodeId })),
    );
    for (const gateway of gateways) onCleanup(() => gateway.kill());
    const [north = '', south = ''] = gateways.map(({ url }) => url);
    const agents = [run(north, 'take', '--actor', 'ana'), run(south, 'take', '--actor', 'ben')] as const;
    await done(run(north, 'offer', '--offer', 'o1', '--task', '1', '--lease', '6'));
    const winner = await Promise.race(agents.map((agent) => agent.ended.then(() => agent)));
    const loser = agents.find((agent) => agent !== winner);
    expect(loser?.stdout).toBe('');
    // The winner exited without `done`, like an agent that was killed. Now the gateway of the winner is killed too.
    const lostGateway = winner === agents[0] ? gateways[0] : gateways[1];
    await lostGateway?.kill();
    expect({ code: await loser?.ended, stderr: loser?.stderr }).toMatchObject({ code: 0 });
    const [first, second] = [json(winner.stdout), json(loser?.stdout ?? '')];
    expect(second).toMatchObject({ offer: 'o1', task: 1 });
    expect(second['fence']).not.toBe(first['fence']);
    const alive = winner === agents[0] ? south : north;
    expect(await run(alive, 'done', '--offer', 'o1', '--fence', String(first['fence'])).ended).toBe(3);
    await done(run(alive, 'done', '--offer', 'o1', '--fence', String(second['fence'])));
  });
});
