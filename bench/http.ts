/**
 * Measures the cost of publishing by `POST /ws/broadcast`. For comparison, it also measures a program on `node:http`
 * that parses the same body and answers with the same number of bytes.
 *
 *     node bench/http.ts [--rounds 5] [--requests 4000] [--other CHECKOUT]
 *
 * The client runs in this process. The servers are measured in alternating rounds (A B A B …); their processing time is read from `/proc`.
 */
import { Agent, request } from 'node:http';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { cpuTimeUs } from './cpu-time.ts';
import { RunningPeer, httpPeersOf } from './peers.ts';
import { ratiosOf, shown, summaryOf, table } from './report.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '4000' },
    other: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const CONNECTIONS = 16;

const body = JSON.stringify({ stream: 'main', event: 'bench.other', payload: { text: 'x'.repeat(150), n: 1 } });
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

/** Publishes one event over HTTP. @throws {Error} if the server does not accept the event */
function publish(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(
      { port, host: '127.0.0.1', method: 'POST', path: '/ws/broadcast', agent, headers },
      (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`The server answered ${response.statusCode}.`)),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

async function measure({ server }: RunningPeer): Promise<number> {
  let left = requests;
  const before = cpuTimeUs(server.pid);
  const client = async (): Promise<void> => {
    while ((left -= 1) >= 0) await publish(server.port);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  return (cpuTimeUs(server.pid) - before) / requests;
}

const running: RunningPeer[] = [];
const results = new Map<string, number[]>();
try {
  for (const peer of httpPeersOf(values.other)) running.push(await RunningPeer.start(peer));
  for (let round = 0; round <= rounds; round += 1)
    for (const each of running) {
      process.stderr.write(`\r\u001B[Kround ${round}: ${each.peer.name} `);
      const cpuUs = await measure(each);
      // The first round is not counted, because V8 compiles the code in it.
      if (round > 0) results.set(each.peer.name, [...(results.get(each.peer.name) ?? []), cpuUs]);
    }
} finally {
  process.stderr.write('\r\u001B[K');
  agent.destroy();
  await Promise.all(running.map((each) => each.stop()));
}
const base = results.get('node') ?? [];
const rows = [...results].map(([name, figures]) => [name, shown(summaryOf(figures)), shown(ratiosOf(figures, base))]);
console.log(`Node ${process.version}, ${cpus().length} cores; ${rounds} rounds of ${requests} requests`);
console.log(`\n${table(['server', 'µs CPU per request', '× node'], rows)}`);
