import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { startBench } from '../testing/recorder-bench.ts';
import type { Bench, BenchOptions } from '../testing/recorder-bench.ts';
import type { Socket } from '../target/socket.ts';
import { startRecorder } from './recorder.ts';

const directory = mkdtempSync(join(tmpdir(), 'secrets-'));
const cleanups: (() => Promise<void> | void)[] = [];
let serial = 0;

afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

function newFile(): string {
  serial += 1;
  return join(directory, `capture-${serial}.ndjson`);
}

async function bench(options: Omit<BenchOptions, 'out'> = {}): Promise<Bench> {
  const started = await startBench({ ...options, out: newFile() });
  cleanups.push(started.close);
  return started;
}

async function connected({ connect }: Bench): Promise<Socket> {
  const handshake = await connect();
  if (!('socket' in handshake)) throw new Error(`not connected: ${JSON.stringify(handshake)}`);
  return handshake.socket;
}

/** Sends messages one after another, each after the echo of the previous one, and returns the capture. */
async function captureOf(...messages: readonly string[]): Promise<string> {
  const started = await bench();
  const socket = await connected(started);
  for (const message of messages) {
    socket.sendText(message);
    await expect.poll(() => started.got).toContain(`text text ${message}`);
  }
  await started.recorder.close();
  return readFileSync(started.out, 'utf8');
}

/** Requests paths with headers, and returns the capture. The server answers with the text of `answer`. */
async function captureOfHttp(
  answer: string,
  ...requests: readonly (readonly [string, Readonly<Record<string, string>>])[]
): Promise<string> {
  const { recorder, out } = await bench({ answer: (_request, response) => response.end(answer) });
  const address = recorder.url.replace(/^ws/, 'http').replace(/\/ws$/, '');
  for (const [path, headers] of requests) await (await fetch(`${address}${path}`, { headers })).text();
  await recorder.close();
  return readFileSync(out, 'utf8');
}

const authenticate = (data: object): string => JSON.stringify({ type: 'authenticate', id: 'a', data });

describe('a capture contains no part of a secret', () => {
  test('that begins with another secret', async () => {
    const text = await captureOf(authenticate({ token: 'abcdef' }), authenticate({ token: 'abcdefgh' }));
    expect(text).toContain(String.raw`\"token\":\"secret-1\"`);
    expect(text).toContain(String.raw`\"token\":\"secret-2\"`);
    expect(text).not.toMatch(/secret-\dgh/);
  });

  test('that overlaps with another secret', async () => {
    const text = await captureOf(authenticate({ token: 'left-middle', other: 'middle-right' }), 'left-middle-right');
    expect(text).not.toMatch(/left|right/);
  });

  test('that equals the name of another secret', async () => {
    const text = await captureOf(authenticate({ token: 'abcdef', other: 'secret' }));
    expect(text).toContain(String.raw`\"token\":\"secret-1\",\"other\":\"secret-2\"`);
  });

  test.each([
    ['escapes its slashes', String.raw`{"type":"authenticate","data":{"token":"hidden\/part"}}`],
    ['escapes its letters', String.raw`{"type":"authenticate","data":{"token":"\u0068idden\u002Fpart"}}`],
    ['is not valid JSON', '{"type":"authenticate","data":{"token":"hidden/part",}}'],
    ['is the text of an object in another language', "{'type': 'authenticate', 'data': {'token': 'hidden/part'}}"],
    ['is cut off', '{"type":"authenticate","data":{"token":"hidden/part'],
    ['names the secret twice', '{"type":"authenticate","data":{"token":"hidden/part","token":"other-one"}}'],
    ['was converted to JSON twice', JSON.stringify(authenticate({ token: 'hidden/part' }))],
    ['is in a list', `[${authenticate({ token: 'hidden/part' })}]`],
    ['is in a member', `{"message":${authenticate({ token: 'hidden/part' })}}`],
    ['has a type in capitals', '{"type":"Authenticate","data":{"token":"hidden/part"}}'],
    ['has the secret in a list', '{"type":"authenticate","data":{"tokens":["hidden/part"]}}'],
    ['has the secret in a member of another name', authenticate({ bearer: 'hidden/part' })],
  ])('of an authenticate that %s', async (_how, message) => {
    const text = await captureOf(message, 'again hidden/part');
    expect(text).not.toMatch(/hidden|part/);
    expect(text).toContain('again secret-1');
  });

  test('of a cookie among others', async () => {
    const cookie = 'session=hidden/part; theme=dark; "quoted-one"; other="another"';
    const text = await captureOfHttp('theme dark hidden/part quoted-one another', ['/', { cookie }]);
    expect(text).not.toMatch(/hidden|quoted|another/);
    expect(text).toContain('theme dark secret-1');
  });

  test('and the texts of other commands are as they were sent', async () => {
    const broadcast = { type: 'broadcast', data: { payload: { text: 'how to authenticate' } } };
    expect(await captureOf(JSON.stringify(broadcast), 'how to authenticate')).not.toContain('secret-1');
  });

  test('of a binary message', async () => {
    const started = await bench();
    const socket = await connected(started);
    const hex = Buffer.from(authenticate({ token: 'hidden/part' })).toString('hex');
    socket.sendFrame({ opcode: 'binary', hex });
    await expect.poll(() => started.got).toContain(`text binary ${hex}`);
    await started.recorder.close();
    const sent = readFileSync(started.out, 'utf8').match(/"kind":"binary","text":"([\da-f]+)"/)?.[1] ?? '';
    expect(Buffer.from(sent, 'hex').toString('utf8')).toBe(authenticate({ token: 'secret-1' }));
  });

  test.each([
    ['unchanged', 'a+b/hidden=='],
    ['encoded', 'a%2Bb%2Fhidden%3D%3D'],
    ['encoded in part', 'a+b/hidden%3d%3D'],
  ])('that an address contains %s', async (_how, spelling) => {
    const text = await captureOfHttp(
      'ok',
      [`/ws/health?token=${spelling}`, {}],
      ['/', { 'x-api-key': 'a+b/hidden==' }],
    );
    expect(text).not.toContain('hidden');
    expect(text).toContain('token=secret-1');
  });

  test('where a long body is cut off', async () => {
    const secret = 'begin-of-the-secret';
    const text = await captureOfHttp(`${'.'.repeat(3990)}${secret}`, ['/', { 'x-api-key': secret }]);
    expect(text).not.toContain('begin');
    expect(text).toContain('.secret-1');
  });

  test('where JSON quotes JSON', async () => {
    const quoted = JSON.stringify({ quoted: JSON.stringify({ key: 'hidden"part' }) });
    const text = await captureOfHttp(`${quoted} and more`, ['/', { 'x-api-key': 'hidden"part' }]);
    expect(text).not.toMatch(/hidden|part/);
  });

  test('of the address of the target', async () => {
    const out = newFile();
    const recorder = await startRecorder({
      target: new URL('ws://someone:hidden@127.0.0.1:1/ws?token=hidden'),
      httpTarget: new URL('http://127.0.0.1:1'),
      out,
      host: '127.0.0.1',
      port: 0,
    });
    await recorder.close();
    const text = readFileSync(out, 'utf8');
    expect(text).not.toContain('hidden');
    expect(text).toContain('"target":"ws://127.0.0.1:1/ws"');
  });
});
