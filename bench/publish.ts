/**
 * Measures the cost of publishing an event to the memory broker without subscribers: checks, position, encoding,
 * history.
 *
 *     node bench/publish.ts [checkout, default this one]
 *
 * The clock of the gateway advances by a millisecond with each event. Therefore every event has its own time, as in a gateway with fewer
 * than 1,000 events per second. Prints the median of the rounds.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Tidemark from '../src/gateway.ts';
import { shown, summaryOf } from './report.ts';

const EVENTS = 5_000;
const ROUNDS = 7;

const sources = resolve(process.argv[2] ?? `${import.meta.dirname}/..`, 'src/gateway.ts');
const { createGateway } = (await import(pathToFileURL(sources).href)) as typeof Tidemark;
let ms = Date.now();
const gateway = createGateway({ now: () => (ms += 1) });
await gateway.start();

/** Measures the CPU time per event, in microseconds. */
async function measure(): Promise<number> {
  const start = process.cpuUsage();
  for (let n = 0; n < EVENTS; n += 1)
    await gateway.publish('file_change', {
      path: `packages/shop/src/checkout/line-item-${n}.ts`,
      root: 'shop',
      changeType: 'modify',
      fileType: 'file',
    });
  const { user, system } = process.cpuUsage(start);
  return (user + system) / EVENTS;
}

await measure();
const rounds: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measure());
console.log(`publish  ${shown(summaryOf(rounds))} µs CPU per event`);
await gateway.close();
