/** Metrics of the process: memory, processor time, garbage collection and open files. */
import { readdirSync, statSync } from 'node:fs';
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';

/**
 * Gauges of prom-client that are left out. They list every socket of the process at each scrape: with 1,000 connections, this took most of
 * the time of a scrape. `tidemark_connections` counts connections. Another gauge with the name `process_open_fds` counts the open files
 * without listing them.
 */
const LISTING = [
  ...['handles', 'requests', 'resources'].flatMap((kind) => [`nodejs_active_${kind}`, `nodejs_active_${kind}_total`]),
  'process_open_fds',
];
const OPEN_FILES = '/proc/self/fd';

let ofThisProcess: Registry | undefined;

/**
 * Adds the metrics of the process to the registry of a gateway. All gateways of a process share them: prom-client observes the garbage
 * collector until the process ends, and an observer for each gateway would keep each closed gateway in memory.
 */
export function addProcessMetrics(registry: Registry): void {
  ofThisProcess ??= processMetrics();
  for (const { name } of ofThisProcess.getMetricsAsArray()) {
    const metric = ofThisProcess.getSingleMetric(name);
    if (metric !== undefined) registry.registerMetric(metric);
  }
}

function processMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of LISTING) registry.removeSingleMetric(name);
  if (process.platform === 'linux') openFiles(registry);
  return registry;
}

/** Adds the number of open files: the size of the directory that lists them or, before Linux 6.2, the number of its entries. */
function openFiles(registry: Registry): void {
  new Gauge({
    name: 'process_open_fds',
    help: 'Number of open file descriptors.',
    registers: [registry],
    collect() {
      this.set(statSync(OPEN_FILES).size || readdirSync(OPEN_FILES).length);
    },
  });
}
