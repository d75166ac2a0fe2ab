import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { suite } from '../testing/processes.ts';
import { startBench } from '../testing/recorder-bench.ts';
import type { Bench, BenchOptions } from '../testing/recorder-bench.ts';
import { isObject } from '../trace/json.ts';
import { readTrace } from '../trace/trace.ts';
import type { Frame, Trace } from '../trace/trace.ts';
import { startRecorder } from './recorder.ts';

const directory = mkdtempSync(join(tmpdir(), 'recorder-'));
const at = (name: string): string => join(directory, name);
const cleanups: (() => Promise<void> | void)[] = [];

afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

function framesOf(file: string): Trace {
  return readTrace(readFileSync(file, 'utf8'), file);
}

async function bench(name: string, options: Omit<BenchOptions, 'out'> = {}): Promise<Bench> {
  const started = await startBench({ ...options, out: at(name) });
  cleanups.push(started.close);
  return started;
}

describe('the recorder', () => {
  const shown = ({ dir, kind, text }: Frame): string => `${dir} ${kind} ${text}`;

  test('forwards every frame unchanged, and records its sender', async () => {
    const { recorder, out, connect, got } = await bench('relay.ndjson');
    const handshake = await connect();
    if (!('socket' in handshake)) throw new Error('not let in');
    const { socket } = handshake;
    socket.sendText('ja ü');
    socket.sendFrame({ opcode: 'binary', hex: '00ff' });
    socket.sendFrame({ opcode: 'ping', hex: '70' });
    await expect.poll(() => got).toContain('text ping 70');
    socket.sendText('end');
    await expect.poll(() => got).toContain('closed 4003 told to');
    await recorder.close();
    expect(got.slice(0, 6)).toEqual([
      'target asked',
      'open tidemark.v1',
      'text hello',
      'text text ja ü',
      'text binary 00ff',
      'text ping 70',
    ]);
    const frames = framesOf(out).frames.map(shown);
    expect(frames).toEqual([
      '<< open {"protocol":"tidemark.v1"}',
      '<< text hello',
      '>> text ja ü',
      '>> binary 00ff',
      '>> ping 70',
      '<< text text ja ü',
      '<< text binary 00ff',
      '<< text ping 70',
      '>> text end',
      '<< close {"code":4003,"reason":"told to"}',
    ]);
  });

  test('ends one connection as the other one ended: with the same close code, or without a close frame', async () => {
    const proper = await bench('close.ndjson');
    const first = await proper.connect();
    if ('socket' in first) first.socket.close(1000, 'bye');
    await expect.poll(() => proper.got).toContain('target closed 1000 bye');
    await proper.recorder.close();
    expect(framesOf(proper.out).frames.map(shown)).toContain('>> close {"code":1000,"reason":"bye"}');

    const cut = await bench('cut.ndjson');
    const second = await cut.connect();
    if ('socket' in second) second.socket.cut();
    await expect.poll(() => cut.got).toContain('target closed 1006 ');
    await cut.recorder.close();
  });

  test('forwards rejections and HTTP responses, including headers', async () => {
    const { recorder, out, connect } = await bench('refused.ndjson');
    expect(await connect('?refuse=1')).toMatchObject({
      refused: { status: 503, body: 'late\uFFFD', headers: { 'retry-after': '7' } },
    });
    const response = await fetch(`${recorder.url.replace(/^ws/, 'http')}/tea`);
    expect([response.status, response.headers.get('x-tea'), await response.text()]).toEqual([
      418,
      'green',
      '{"short":1}',
    ]);
    await recorder.close();
    const frames = framesOf(out).frames;
    expect(frames.map(shown)[0]).toBe('<< refused {"status":503,"body":"late\uFFFD"}');
    expect(frames.filter(({ kind }) => kind === 'http').map(({ json }) => isObject(json) && json['status'])).toEqual([
      undefined,
      418,
    ]);
  });

  test('forwards bodies that are not text, and repeated headers, unchanged', async () => {
    const { recorder, connect } = await bench('bytes.ndjson', {
      answer: (request, response) => {
        response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] });
        request.pipe(response);
      },
    });
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const response = await fetch(recorder.url.replace(/^ws/, 'http'), { method: 'POST', body: bytes });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    const refused = await connect('?refuse=1');
    const raw = 'refused' in refused ? refused.refused.raw : undefined;
    expect(raw?.body).toEqual(Buffer.from('late\xff', 'latin1'));
    expect(raw?.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    await recorder.close();
  });

  test('closes also while a client waits for the target to accept it', async () => {
    const { promise: accepts, resolve: accept } = Promise.withResolvers<void>();
    const { recorder, connect, got } = await bench('pending.ndjson', { accepts });
    const handshake = connect();
    await expect.poll(() => got).toContain('target asked');
    const closed = recorder.close();
    accept();
    await closed;
    expect(await handshake).not.toHaveProperty('socket');
    await expect.poll(() => got).toContain('target closed 1006 ');
  });

  test('answers 502 when the target is unreachable, and keeps running', async () => {
    const recorder = await startRecorder({
      target: new URL('ws://127.0.0.1:1/ws'),
      httpTarget: new URL('http://127.0.0.1:1'),
      out: at('nobody.ndjson'),
      host: '127.0.0.1',
      port: 0,
    });
    cleanups.push(() => recorder.close());
    const http = recorder.url.replace(/^ws/, 'http');
    expect((await fetch(http)).status).toBe(502);
    const socket = new WebSocket(recorder.url);
    socket.on('error', () => undefined);
    const [, answer] = (await once(socket, 'unexpected-response')) as [unknown, { readonly statusCode: number }];
    expect(answer.statusCode).toBe(502);
    expect((await fetch(http)).status).toBe(502);
  });
});

describe('a recording that cannot start', () => {
  test.each([
    ['the file', ':0', '/nonexistent/x.ndjson', '/nonexistent/x.ndjson cannot be written (ENOENT)'],
    ['the address', '203.0.113.1:0', at('address.ndjson'), 'Cannot listen at 203.0.113.1:0 (EADDRNOTAVAIL)'],
    ['the host', 'host.invalid:0', at('host.ndjson'), 'Cannot listen at host.invalid:0'],
  ])('ends with the reason: %s', async (_what, listen, out, reason) => {
    const { code, stderr } = await suite('record', '--target', 'ws://127.0.0.1:1/ws', '--listen', listen, '--out', out);
    expect(stderr).toContain(reason);
    expect(code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });

  test('ends with the reason: the port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const out = at('port.ndjson');
    const words = ['--target', 'ws://127.0.0.1:1/ws', '--listen', `:${port}`, '--out', out];
    const { code, stderr } = await suite('record', ...words);
    expect(stderr).toContain(`Port ${port} is in use`);
    expect(code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });
});
