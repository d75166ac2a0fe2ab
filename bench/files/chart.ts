/** Draws a chart with one panel for each measure, and one bar for each watcher in each panel. */

export interface Panel {
  readonly title: string;
  readonly bars: readonly { readonly name: string; readonly value: number; readonly text: string }[];
}

const OWN: ReadonlySet<string> = new Set(['gateway', 'file source']);
const WIDTH = 360;
const ROW = 24;
const LABEL = 110;
const NUMBER = 90;
const GAP = 32;
const TITLE = 28;

function panelSvg({ title, bars }: Panel, x: number, y: number): string {
  const most = Math.max(...bars.map(({ value }) => value), Number.EPSILON);
  const rows = bars.map(({ name, value, text }, row) => {
    const top = y + TITLE + row * ROW;
    const length = Math.max(1, (value / most) * (WIDTH - LABEL - NUMBER));
    const kind = OWN.has(name) ? 'own' : 'other';
    return [
      `<text x="${x + LABEL - 8}" y="${top + 14}" text-anchor="end">${name}</text>`,
      `<rect class="${kind}" x="${x + LABEL}" y="${top + 2}" width="${length.toFixed(1)}" height="${ROW - 8}"/>`,
      `<text x="${(x + LABEL + length + 6).toFixed(1)}" y="${top + 14}">${text}</text>`,
    ].join('\n');
  });
  return [`<text class="title" x="${x}" y="${y + 14}">${title}</text>`, ...rows].join('\n');
}

/** @param description text of the chart for readers who cannot see it */
export function chart(panels: readonly Panel[], description: string): string {
  const height = TITLE + ROW * Math.max(...panels.map(({ bars }) => bars.length)) + GAP;
  const rows = Math.ceil(panels.length / 2);
  const drawn = panels.map((panel, n) => panelSvg(panel, (n % 2) * (WIDTH + GAP) + 8, Math.floor(n / 2) * height + 12));
  const size = `${WIDTH * 2 + GAP + 16} ${rows * height + 8}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size}" role="img" aria-label="${description}">
<style>
svg { background: #fff; font: 12px system-ui, sans-serif; }
text { fill: #333; }
.title { font-weight: 600; }
.own { fill: #0b6e99; }
.other { fill: #b8c4cc; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; }
  text { fill: #e6edf3; }
  .own { fill: #58a6c9; }
  .other { fill: #4a5660; }
}
</style>
${drawn.join('\n')}
</svg>
`;
}
