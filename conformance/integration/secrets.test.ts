import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exampleOf } from '../invariants/contract.ts';
import { serveFailing, sendJson } from '../testing/failing-server.ts';
import type { Behaviour } from '../testing/failing-server.ts';
import { suite } from '../testing/processes.ts';

const SECRET = 'correct/horse/battery';
const OTHER = `${SECRET}/staple`;

const HEADER = {
  tape: 1,
  id: 'get_health/secret',
  clauses: ['OPS-1'],
  level: 'must',
  why: 'The server does not repeat a secret.',
  actors: { bob: { credential: 'other' } },
};

/** Runs one tape with two credentials, of which one begins with the other, and returns everything that the run wrote. */
async function outputOf(behaviour: Behaviour, ...steps: readonly object[]): Promise<string> {
  const server = await serveFailing(behaviour);
  const directory = mkdtempSync(join(tmpdir(), 'secrets-'));
  const at = (name: string): string => join(directory, name);
  writeFileSync(at('key'), SECRET);
  writeFileSync(at('other'), OTHER);
  const key = (name: string): object => ({ apiKey: { file: at(name) } });
  const config = {
    url: server.url,
    stimulus: { port: 'none' },
    credentials: { default: key('key'), other: key('other') },
  };
  writeFileSync(at('config.json'), JSON.stringify(config));
  mkdirSync(at('tapes/get_health'), { recursive: true });
  writeFileSync(
    at('tapes/get_health/secret.ndjson'),
    [HEADER, ...steps].map((line) => JSON.stringify(line)).join('\n'),
  );
  const { stdout, stderr } = await suite(
    ...['run', '--config', at('config.json'), '--tapes', at('tapes'), '--exchanges', '0', '--time-scale', '0.2'],
    ...['--trace', at('trace'), '--report', `json=${at('json')}`],
  );
  await server.stop();
  const written = ['trace', 'json'].map(at).filter((file) => existsSync(file));
  return [stdout, stderr, ...written.map((file) => readFileSync(file, 'utf8'))].join('\n');
}

const welcome = exampleOf('welcome');
const keyOf = ({ headers }: IncomingMessage): string => String(headers['x-api-key']);

const OPEN = { as: 'bob', open: {} };

describe('a report and a trace contain no part of a secret', () => {
  test('that a response repeats, also in escaped form', async () => {
    const behaviour: Behaviour = {
      onOpen: (socket) => sendJson(socket, welcome),
      onRequest: (request, response) => {
        const quoted = JSON.stringify({ said: keyOf(request) }).replaceAll('/', String.raw`\/`);
        response.writeHead(500, { 'x-said': keyOf(request) }).end(quoted);
      },
    };
    const request = { method: 'GET', path: '/ws/health', credential: 'other' };
    const output = await outputOf(behaviour, OPEN, { http: request, expect: { status: 200 } });
    expect(output).toContain('is not as expected');
    expect(output).not.toMatch(/horse|staple/);
  });

  test('that a refusal of an upgrade repeats', async () => {
    const behaviour: Behaviour = {
      onUpgrade: (request, socket) => {
        const text = `unknown key ${keyOf(request)}`;
        socket.end(`HTTP/1.1 401 Unauthorized\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`);
      },
    };
    const output = await outputOf(behaviour, OPEN, { as: 'bob', recv: [{ type: 'welcome' }] });
    expect(output).toContain('unknown key');
    expect(output).not.toMatch(/horse|staple/);
  });

  test('that the reason of a close repeats', async () => {
    const behaviour: Behaviour = {
      onOpen: (socket) => sendJson(socket, welcome),
      onMessage: (_message, socket) => socket.close(1011, `unknown key ${OTHER}`),
    };
    const send = { as: 'bob', send: { type: 'ping', id: '1', data: {} } };
    const output = await outputOf(behaviour, OPEN, send, { as: 'bob', closed: { code: 1000 } });
    expect(output).toContain('unknown key');
    expect(output).not.toMatch(/horse|staple/);
  });

  test('that the headers of an event stream repeat', async () => {
    const behaviour: Behaviour = {
      onOpen: (socket) => sendJson(socket, welcome),
      onRequest: (request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream', 'x-said': keyOf(request) }).flushHeaders();
      },
    };
    const events = { query: { stream: 'main', events: ['file_change'] } };
    const open = { as: 'bob', open: { events, headers: { 'x-said': 'nothing' } } };
    const output = await outputOf(behaviour, open);
    expect(output).toContain('the headers of the response are not as expected');
    expect(output).not.toMatch(/horse|staple/);
  });

  test('that a binary frame repeats', async () => {
    const hex = Buffer.from(`unknown key ${OTHER}`).toString('hex');
    const behaviour: Behaviour = {
      onOpen: (socket) => sendJson(socket, welcome),
      onMessage: (_message, socket) => socket.sendFrame({ opcode: 'binary', hex }),
    };
    const send = { as: 'bob', send: { type: 'ping', id: '1', data: {} } };
    const output = await outputOf(behaviour, OPEN, send, { as: 'bob', recv: { type: 'pong' }, within: 500 });
    expect(output).toContain(Buffer.from('unknown key ').toString('hex'));
    expect(output).not.toContain(Buffer.from(SECRET).toString('hex'));
  });
});
