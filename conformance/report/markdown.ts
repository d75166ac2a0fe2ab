/** The report as Markdown, for the summary page of a CI job. */
import { groupByCause } from './causes.ts';
import type { Summary } from './summary.ts';
import { explainFailure } from './failure.ts';
import type { Explanation } from './failure.ts';

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

export function markdownReport(summary: Summary, explanation: Explanation): string {
  const { checks, clauses, counts, outcome, target, durationMs, headlines } = summary;
  const problems = groupByCause(checks).flatMap(({ text, checks: [check, ...others] }, index) => [
    `### ${index + 1}. ${text}`,
    '',
    `${check.verdict} \`${check.id}\`: ${check.why}`,
    '',
    '```text',
    ...explainFailure(check, explanation),
    '```',
    '',
    ...(others.length === 0 ? [] : [`Also: ${others.map(({ id }) => `\`${id}\``).join(', ')}`, '']),
  ]);
  const rows = clauses.map(
    ({ id, verdict, text, checks: citing }) => `| ${id} | ${verdict} | ${citing.length} | ${cell(text)} |`,
  );
  return [
    `## Tidemark conformance: ${outcome.text}`,
    '',
    `Target ${target.url}${target.nodeId === undefined ? '' : ` (${target.nodeId})`}, ${(durationMs / 1000).toFixed(1)} s. ` +
      Object.entries(counts)
        .filter(([, count]) => count > 0)
        .map(([verdict, count]) => `${count} ${verdict}`)
        .join(', '),
    '',
    ...headlines.flatMap((each) => [`**${each}**`, '']),
    ...problems,
    '<details><summary>Clauses</summary>',
    '',
    '| clause | verdict | checks | text |',
    '|---|---|---|---|',
    ...rows,
    '',
    '</details>',
    '',
  ].join('\n');
}
