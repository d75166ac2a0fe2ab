/**
 * Measures the cost of a delivery, for the gateway and for other servers, on the same machine in the same run.
 *
 *     npm run bench -- [--quick] [--rounds 7] [--only single-1000,burst-8] [--other CHECKOUT] [--json FILE]
 *
 * In each round, the servers run each scenario one after another (A B C, A B C, …), so that other work on the machine affects all servers
 * equally. The client checks that every connection received every event, once and in order. The processing time per delivery is compared,
 * because throughput depends on how busy the machine is. Tables show the median and the range of the ratios of two servers within a round.
 * `--other` adds the gateway of another checkout, for example to compare the gateway before and after a change.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { arch, cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { LoadClient } from './load/client.ts';
import type { LoadResult } from './load/client.ts';
import { peersOf, RunningPeer } from './peers.ts';
import { ratiosOf, shown, summaryOf, table } from './report.ts';
import { REPLAYED, scenariosOf } from './scenarios.ts';
import type { Figure, Scenario } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
    other: { type: 'string' },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 2 : 7));
const chosen = scenariosOf(values.quick ? 0.2 : 1).filter(
  ({ name }) => values.only === undefined || values.only.split(',').includes(name),
);

/** The results of all rounds, by scenario and server. */
const results: Record<string, Record<string, LoadResult[]>> = {};
const client = new LoadClient();

async function measure(scenarios: readonly Scenario[], prefill: number): Promise<void> {
  if (scenarios.length === 0) return;
  const running: RunningPeer[] = [];
  try {
    for (const peer of peersOf({ other: values.other, prefill })) running.push(await RunningPeer.start(peer));
    // The first round is not counted, because the servers compile their code in it.
    for (let round = 0; round <= rounds; round += 1)
      for (const { name, load, servers } of scenarios)
        for (const { peer, server } of running) {
          if (servers?.includes(peer.name) === false) continue;
          process.stderr.write(`\r\u001B[K${round === 0 ? 'warm-up' : `round ${round}`}: ${name}, ${peer.name} `);
          const result = await client.run(server, load);
          if (round > 0) ((results[name] ??= {})[peer.name] ??= []).push(result);
        }
  } finally {
    await Promise.all(running.map((each) => each.stop()));
    process.stderr.write('\r\u001B[K');
  }
}

await measure(
  chosen.filter(({ load }) => load.mode !== 'replay'),
  0,
);
await measure(
  chosen.filter(({ load }) => load.mode === 'replay'),
  REPLAYED,
);

const UNITS: Readonly<Record<Figure, string>> = {
  cpuUs: 'µs CPU per delivery',
  p50Ms: 'ms latency, median',
  p99Ms: 'ms latency, p99',
};
const bases = ['frames', ...(values.other === undefined ? [] : ['other'])];

function rowsOf(name: string, figure: Figure): string[][] {
  const figuresOf = (server: string): number[] => results[name]?.[server]?.map((each) => each[figure]) ?? [];
  return Object.keys(results[name] ?? {}).map((server) => {
    const figures = figuresOf(server);
    return [server, shown(summaryOf(figures)), ...bases.map((base) => shown(ratiosOf(figures, figuresOf(base))))];
  });
}

console.log(
  `Node ${process.version}, ${arch()}, Linux ${release()}, ${cpus().length} cores; ${rounds} rounds; load client in ${client.language}`,
);
for (const { name, what, figures } of chosen) {
  console.log(`\n${name}: ${what}`);
  for (const figure of figures)
    console.log(`\n${table(['server', UNITS[figure], ...bases.map((base) => `× ${base}`)], rowsOf(name, figure))}`);
}
if (values.only === undefined)
  for (const program of ['matching.ts', 'publish.ts']) {
    console.log();
    spawnSync(process.execPath, [`${import.meta.dirname}/${program}`], { stdio: 'inherit' });
  }
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
