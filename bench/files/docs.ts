/** Writes the results into the docs: the JSON file, the chart, and the table with its caption. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartOf, tableOf } from './results.ts';
import type { Results } from './results.ts';

const PAGES = join(import.meta.dirname, '..', '..', 'docs', 'explanation');
const BEGIN = '<!-- results of `node bench/files.ts --docs` -->';
const END = '<!-- end of the results -->';

export function writeDocs(results: Results): void {
  writeFileSync(join(PAGES, 'files.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(PAGES, 'files.svg'), chartOf(results));
  const page = join(PAGES, 'files.md');
  writeFileSync(page, withResults(readFileSync(page, 'utf8'), results));
}

/** Returns the page with the table and the chart of these results between its two markers. */
function withResults(page: string, results: Results): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page has no lines ${BEGIN} and ${END}`);
  const block = [captionOf(results), tableOf(results), '![Time, memory and latency of each watcher](files.svg)'];
  return `${page.slice(0, begin + BEGIN.length)}\n\n${block.join('\n\n')}\n\n${page.slice(end)}`;
}

function captionOf({ date, node, load, files, storm, changes, branch, rounds }: Results): string {
  const count = (value: number): string => value.toLocaleString('en');
  const most = Math.max(...Object.values(rounds).map(({ length }) => length));
  return (
    `Node ${node.slice(1)}, ${date}, load ${load[0]?.toFixed(0)}, ${most === 1 ? 'one round' : `${most} rounds`}: ${count(files)} files, ` +
    `${count(changes)} changes, a storm of ${count(storm)} creations, a checkout in a repository of ${count(branch)} files.`
  );
}
