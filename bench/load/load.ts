/**
 * Replaces load.c on machines without a C compiler. It has the same arguments and result, but does not measure memory. It uses more
 * processing time than the C client, so the server's figures are worse. Therefore, compare only results of the same client.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const GIVE_UP_MS = 60_000;
const [port, path = '/', controlPort, pid, connectionCount, hello = '', mode, eventCount, window, burst, rate] =
  process.argv.slice(2);
const [connections, events] = [Number(connectionCount), Number(eventCount)];

const arrivals = new Uint32Array(events + 1);
const sentAt = new Float64Array(events + 1);
const latencies: number[] = [];
let deliveries = 0;

/** Processing time of all threads of the server, in microseconds. */
function serverTimeUs(): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce(
    (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1000,
    0,
  );
}

/** Builds a masked text frame. The mask is zero, so that the text is sent unchanged. */
function textFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const header =
    body.length < 126
      ? [0x81, 0x80 | body.length, 0, 0, 0, 0]
      : [0x81, 0x80 | 126, body.length >> 8, body.length & 0xff, 0, 0, 0, 0];
  return Buffer.concat([Buffer.from(header), body]);
}

async function readUntil(socket: Socket, wanted: string): Promise<void> {
  let text = '';
  while (!text.includes(wanted)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    text += chunk.toString('latin1');
  }
}

/**
 * Counts the events that a connection receives. Ends the program if an event is missing or repeated. @returns a function that returns the
 * count
 */
function follow(socket: Socket): () => number {
  let [rest, next] = ['', 1];
  socket.on('data', (chunk: Buffer) => {
    const text = rest + chunk.toString('latin1');
    let end = 0;
    for (const { 1: number, index } of text.matchAll(/\^(\d{10})/g)) {
      end = index + 11;
      if (Number(number) === 0) continue;
      if (Number(number) !== next) {
        console.error(`a connection received event ${Number(number)} where ${next} was next`);
        process.exit(3);
      }
      arrivals[next] = (arrivals[next] ?? 0) + 1;
      deliveries += 1;
      if (mode === 'rate') latencies.push(performance.now() - (sentAt[next] ?? 0));
      next += 1;
    }
    const mark = text.lastIndexOf('^');
    rest = mark >= end ? text.slice(mark) : '';
  });
  return () => next - 1;
}

async function open(): Promise<Socket> {
  const socket = connect(Number(port), '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGlkZW1hcmsgbG9hZC4uLg==\r\n\r\n',
  );
  await readUntil(socket, '\r\n\r\n');
  if (mode === 'replay' || hello === '') return socket;
  socket.write(textFrame(hello));
  await readUntil(socket, 'ready');
  return socket;
}

function publish(control: Socket, first: number, count: number): void {
  let lines = '';
  for (let number = first; number < first + count; number += 1) {
    sentAt[number] = performance.now();
    lines += `${String(number).padStart(10, '0')}\n`;
  }
  control.write(lines);
}

async function runFlight(control: Socket): Promise<void> {
  let [published, complete, last] = [0, 0, performance.now()];
  while (complete < events && performance.now() - last < GIVE_UP_MS) {
    while (published < events && published + Number(burst) <= complete + Number(window)) {
      const count = Math.min(Number(burst), events - published);
      publish(control, published + 1, count);
      published += count;
    }
    await delay(1);
    for (; complete < published && arrivals[complete + 1] === connections; last = performance.now()) complete += 1;
  }
}

async function runRate(control: Socket): Promise<void> {
  const start = performance.now();
  for (let published = 0; ; await delay(1)) {
    const elapsedMs = performance.now() - start;
    if (deliveries === events * connections || elapsedMs > GIVE_UP_MS + (events * 1000) / Number(rate)) return;
    const due = Math.min(events, Math.floor((elapsedMs * Number(rate)) / 1000));
    if (due > published) publish(control, published + 1, due - published);
    published = due;
  }
}

const sockets: Socket[] = [];
for (let n = 0; n < connections; n += 1) sockets.push(await open());
const received = sockets.map(follow);
await delay(300);
const control = connect(Number(controlPort), '127.0.0.1').setNoDelay(true);
await once(control, 'connect');
const [start, used] = [performance.now(), serverTimeUs()];
if (mode === 'rate') await runRate(control);
else if (mode === 'flight') await runFlight(control);
else
  for (const [n, socket] of sockets.entries()) {
    socket.write(textFrame(hello));
    while ((received[n]?.() ?? 0) < events && performance.now() - start < GIVE_UP_MS) await once(socket, 'data');
  }
latencies.sort((a, b) => a - b);
const exact = deliveries === events * connections;
console.log(
  JSON.stringify({
    deliveries,
    exact,
    cpuUs: (serverTimeUs() - used) / deliveries,
    seconds: (performance.now() - start) / 1000,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    connectionKib: 0,
  }),
);
process.exit(exact ? 0 : 3);
