/** The charts of the last five minutes. */
import uPlot from 'uplot';
import type { Point } from './cluster.ts';
import { element, find } from './element.ts';
import { bytesText, rateText } from './quantity.ts';

interface Line {
  readonly title: string;
  readonly of: (point: Point) => number | undefined;
  /** Name of a colour in the style sheet, without the leading dashes. */
  readonly colour: 'accent' | 'replay' | 'bad' | 'faint';
}

interface ChartKind {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly text: (value: number) => string;
}

const KINDS: readonly ChartKind[] = [
  {
    title: 'Events per second',
    lines: [
      { title: 'delivered', of: ({ delivered }) => delivered, colour: 'accent' },
      { title: 'published', of: ({ published }) => published, colour: 'faint' },
    ],
    text: rateText,
  },
  {
    title: 'Replayed per second',
    lines: [{ title: 'replayed', of: ({ replayed }) => replayed, colour: 'replay' }],
    text: rateText,
  },
  {
    title: 'Queued for clients',
    lines: [{ title: 'queued', of: ({ queuedBytes }) => queuedBytes, colour: 'replay' }],
    text: (value) => bytesText(Math.round(value)),
  },
  {
    title: 'Clients',
    lines: [
      { title: 'connections', of: ({ connections }) => connections, colour: 'accent' },
      { title: 'subscriptions', of: ({ subscriptions }) => subscriptions, colour: 'faint' },
      { title: 'slow', of: ({ slow }) => slow, colour: 'bad' },
    ],
    text: (value) => String(Math.round(value)),
  },
];

/** Number of points that a chart shows: five minutes, with one report every two seconds. */
const SHOWN = 150;
const HEIGHT = 96;

export class Charts {
  readonly #charts = KINDS.map((kind) => new Chart(kind));
  readonly #points: Point[] = [];

  constructor() {
    const place = find('charts', HTMLDivElement);
    place.append(...this.#charts.map(({ figure }) => figure));
    new ResizeObserver(() => this.#draw()).observe(place);
    // The colours of the lines differ between the light and the dark scheme, so the charts are redrawn when the scheme changes.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const chart of this.#charts) chart.repaint();
      this.#draw();
    });
  }

  add(point: Point): void {
    this.#points.push(point);
    if (this.#points.length > SHOWN) this.#points.shift();
    this.#draw();
  }

  #draw(): void {
    for (const chart of this.#charts) chart.draw(this.#points);
  }
}

class Chart {
  readonly figure: HTMLElement;
  readonly #kind: ChartKind;
  readonly #values = element('span', {});
  readonly #canvas = element('div', { class: 'plot' });
  #plot: uPlot | undefined;

  constructor(kind: ChartKind) {
    this.#kind = kind;
    this.#canvas.setAttribute('aria-hidden', 'true');
    this.figure = element(
      'figure',
      {},
      element('figcaption', {}, element('b', {}, kind.title), this.#values),
      this.#canvas,
    );
  }

  /** Discards the plot. The next `draw` creates a new one with the current colours. */
  repaint(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  draw(points: readonly Point[]): void {
    const { lines } = this.#kind;
    const data: uPlot.AlignedData = [
      points.map(({ at }) => at / 1000),
      ...lines.map(({ of }) => points.map((point) => of(point) ?? null)),
    ];
    const width = Math.max(120, this.#canvas.clientWidth);
    this.#plot ??= new uPlot(this.#options(width), data, this.#canvas);
    if (this.#plot.width !== width) this.#plot.setSize({ width, height: HEIGHT });
    this.#plot.setData(data);
    this.#showValues(points.at(-1));
  }

  #showValues(newest: Point | undefined): void {
    const { lines, text } = this.#kind;
    this.#values.replaceChildren(
      ...lines.map(({ title, of, colour }) => {
        const value = newest === undefined ? undefined : of(newest);
        return element('span', { class: colour }, `${title} ${value === undefined ? '–' : text(value)}`);
      }),
    );
  }

  #options(width: number): uPlot.Options {
    const style = getComputedStyle(this.figure);
    const colourOf = (name: string): string => resolved(this.figure, style.getPropertyValue(`--${name}`));
    const axis: uPlot.Axis = {
      stroke: colourOf('faint'),
      grid: { stroke: colourOf('line'), width: 1 },
      ticks: { show: false },
      font: '11px system-ui, sans-serif',
    };
    const { lines, text } = this.#kind;
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, high ?? 0) * 1.1] } },
      axes: [
        { ...axis, size: 22, space: 90 },
        { ...axis, size: 62, space: 28, values: (_plot, splits) => splits.map(text) },
      ],
      series: [
        {},
        ...lines.map(({ title, colour }) => ({
          label: title,
          stroke: colourOf(colour),
          width: 1.5,
          points: { show: false },
        })),
      ],
    };
  }
}

/** A canvas does not support `light-dark()`, so the browser computes the colour with the help of an element. */
function resolved(host: HTMLElement, colour: string): string {
  const probe = element('i', {});
  probe.style.color = colour;
  host.append(probe);
  const computed = getComputedStyle(probe).color;
  probe.remove();
  return computed;
}
