/** Registers metrics whose values are read only when they are scraped. */
import { Counter, Gauge } from 'prom-client';
import type { GaugeConfiguration, MetricType, Registry } from 'prom-client';
import type { Distribution } from '../introspection/distribution.ts';

const PREFIX = 'tidemark_';

/** prom-client declares `MetricType` as an enum of numbers, but at run time the type of a metric is a string such as this. */
const HISTOGRAM = 'histogram' as unknown as MetricType;

type Values = () => ReadonlyMap<string | number, number>;

export interface Labelled {
  readonly name: string;
  readonly label: string;
  readonly help: string;
}

export interface LabelledHistogram {
  readonly name: string;
  /** Name of the label. Without a label, there is only one distribution, with the key `''`. */
  readonly label?: string;
  readonly help: string;
}

export class Exposition {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: PREFIX + name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  gauges({ name, label, help }: Labelled, read: Values): void {
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        for (const [key, value] of read()) this.set({ [label]: String(key) }, value);
      },
    });
  }

  /** A gauge whose value is always 1; its labels contain the information. */
  info(name: string, help: string, labels: Readonly<Record<string, string>>): void {
    new Gauge({ name: PREFIX + name, help, labelNames: Object.keys(labels), registers: [this.#registry] }).set(
      labels,
      1,
    );
  }

  counter(name: string, help: string, read: () => number): void {
    new Counter({
      name: `${PREFIX}${name}_total`,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  /** @param known label values that are reported as 0 until they are counted */
  tally({ name, label, help, known }: Labelled & { readonly known: readonly (string | number)[] }, read: Values): void {
    new Counter({
      name: `${PREFIX}${name}_total`,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const key of known) this.inc({ [label]: String(key) }, 0);
        for (const [key, value] of read()) this.inc({ [label]: String(key) }, value);
      },
    });
  }

  histogram({ name, label, help }: LabelledHistogram, read: () => ReadonlyMap<string, Distribution>): void {
    const collected = (): Sample[] =>
      [...read()].flatMap(([key, distribution]) =>
        samples(PREFIX + name, label === undefined ? {} : { [label]: key }, distribution),
      );
    new DistributionHistogram({ name: PREFIX + name, help, registers: [this.#registry] }, collected);
  }
}

type Collected = Awaited<ReturnType<Gauge['get']>>;

/**
 * A histogram of the counts that the gateway keeps in `Distribution` objects, where counting costs only an addition. The `Histogram` of
 * prom-client cannot report existing counts, so this class is a gauge that reports its samples with the type `histogram`.
 */
class DistributionHistogram extends Gauge {
  readonly #samples: () => Sample[];

  constructor(configuration: GaugeConfiguration<string>, collected: () => Sample[]) {
    super(configuration);
    this.#samples = collected;
  }

  override async get(): Promise<Collected> {
    return { ...(await super.get()), type: HISTOGRAM, values: this.#samples() };
  }
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** The samples that the text format requires for a histogram: cumulative buckets, the sum and the count. */
function samples(name: string, labels: Readonly<Record<string, string>>, distribution: Distribution): Sample[] {
  return [
    ...distribution.buckets().map(({ upTo, count }) => ({
      metricName: `${name}_bucket`,
      labels: { le: upTo === Infinity ? '+Inf' : upTo, ...labels },
      value: count,
    })),
    { metricName: `${name}_sum`, labels, value: distribution.sum },
    { metricName: `${name}_count`, labels, value: distribution.count },
  ];
}
