/**
 * Draws a chart with one panel per quantity. Each panel shows how the processing time of an event grows with its quantity. The chart is
 * readable in light and dark mode.
 */
import type { Summary } from '../report.ts';

export interface Growth {
  readonly name: string;
  readonly expected: 'linear' | 'flat';
  readonly points: readonly (Summary & { readonly size: number })[];
}

const WIDTH = 220;
const HEIGHT = 120;
const GAP = 48;
const TOP = 40;
const COLUMNS = 3;

function microseconds(value: number): string {
  return value < 1_000 ? `${value.toFixed(0)} µs` : `${(value / 1_000).toFixed(1)} ms`;
}

function panel({ name, expected, points }: Growth, left: number, top: number): string {
  const widest = Math.max(...points.map(({ size }) => size));
  const highest = Math.max(...points.map(({ max }) => max)) * 1.1;
  const x = (size: number): string => (left + (size / widest) * WIDTH).toFixed(1);
  const y = (value: number): string => (top + HEIGHT - (value / highest) * HEIGHT).toFixed(1);
  const line = points.map(({ size, median }) => `${x(size)},${y(median)}`).join(' ');
  const marks = points.map(
    ({ size, median, min, max }) =>
      `<line class="range" x1="${x(size)}" x2="${x(size)}" y1="${y(min)}" y2="${y(max)}"/>` +
      `<circle cx="${x(size)}" cy="${y(median)}" r="3"/>`,
  );
  const base = top + HEIGHT;
  return [
    `<text class="title" x="${left}" y="${top - 18}">${name} (expected: ${expected})</text>`,
    `<text x="${left}" y="${top - 4}">${microseconds(highest)}</text>`,
    `<path class="axis" d="M${left} ${top}V${base}H${left + WIDTH}"/>`,
    `<polyline points="${line}"/>`,
    ...marks,
    `<text x="${left}" y="${base + 14}">0</text>`,
    `<text x="${left + WIDTH}" y="${base + 14}" text-anchor="end">${widest.toLocaleString('en')}</text>`,
  ].join('\n');
}

/** An SVG with one panel for each growth. */
export function growthChart(growths: readonly Growth[]): string {
  const drawn = growths.map((growth, n) =>
    panel(growth, 12 + (n % COLUMNS) * (WIDTH + GAP), TOP + Math.floor(n / COLUMNS) * (HEIGHT + GAP + TOP)),
  );
  const rows = Math.ceil(growths.length / COLUMNS);
  const size = `${COLUMNS * (WIDTH + GAP)} ${rows * (HEIGHT + GAP + TOP)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size}" role="img" aria-label="Processing time of one event by deliveries, idle subscriptions, streams, retained keys and history">
<style>
svg { background: #fff; font: 12px system-ui, sans-serif; }
text { fill: #333; }
.title { font-weight: 600; }
.axis, polyline, .range { fill: none; stroke: #99a5ad; }
polyline { stroke: #0b6e99; stroke-width: 2; }
circle { fill: #0b6e99; }
@media (prefers-color-scheme: dark) {
  svg { background: #16191c; }
  text { fill: #d5dadd; }
  .axis, .range { stroke: #5d6a73; }
  polyline { stroke: #5db8e0; }
  circle { fill: #5db8e0; }
}
</style>
${drawn.join('\n')}
</svg>
`;
}
