/** Starts the neighbour's thread and collects its reports. */
import { Worker } from 'node:worker_threads';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Sample } from './latency.ts';
import type { NeighbourOrder, NeighbourReport, NeighbourSetting } from './neighbour.ts';
import { Unreachable } from './wire.ts';

/** How long the neighbour may take to connect or to get a reply, in milliseconds. */
const NEIGHBOUR_PATIENCE_MS = 10_000;

export class NeighbourThread {
  readonly samples: Sample[] = [];
  readonly metrics: GatewayMetrics[] = [];
  readonly strays: string[] = [];
  readonly losses: { readonly why: string; readonly at: number }[] = [];
  published = 0;
  received = 0;
  dead = false;
  readonly #worker: Worker;
  readonly #waiting = new Map<string, () => void>();
  #fences = 0;

  constructor(setting: NeighbourSetting) {
    const file = import.meta.url.endsWith('.ts') ? './neighbour.ts' : './neighbour.js';
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: setting });
    this.#worker.on('message', (report: NeighbourReport) => this.#take(report));
    this.#worker.on('error', () => this.#take({ kind: 'dead' }));
  }

  #take(report: NeighbourReport): void {
    if (report.kind === 'samples') this.samples.push(...report.samples);
    else if (report.kind === 'metrics') this.metrics.push(report.metrics);
    else if (report.kind === 'stray') this.strays.push(report.text);
    else if (report.kind === 'lost') this.losses.push(report);
    else if (report.kind === 'dead') this.dead = true;
    else if (report.kind === 'done') Object.assign(this, { published: report.published, received: report.received });
    this.#waiting.get(report.kind === 'fence' ? `fence ${report.number}` : report.kind)?.();
    if (this.dead) for (const wake of [...this.#waiting.values()]) wake();
  }

  /** Waits for a report; returns whether it arrived in time. */
  async #reported(what: string, patienceMs = NEIGHBOUR_PATIENCE_MS): Promise<boolean> {
    if (this.dead) return false;
    return new Promise<boolean>((resolve) => {
      const settle = (value: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(what);
        resolve(value);
      };
      const timer = setTimeout(() => settle(false), patienceMs);
      this.#waiting.set(what, () => settle(!this.dead));
    });
  }

  #order(order: NeighbourOrder): void {
    this.#worker.postMessage(order, []);
  }

  async ready(): Promise<void> {
    if (!(await this.#reported('ready'))) throw new Unreachable('The neighbour, a second client, cannot connect.');
  }

  /** Whether the gateway currently replies to the neighbour. */
  async fence(patienceMs?: number): Promise<boolean> {
    this.#fences += 1;
    this.#order({ kind: 'fence', number: this.#fences });
    return this.#reported(`fence ${this.#fences}`, patienceMs);
  }

  async finish(): Promise<void> {
    this.#order({ kind: 'finish' });
    await this.#reported('done');
  }

  /** Ends the thread, which would otherwise keep the process running. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
