/** Annotations for GitHub Actions: one workflow command per cause, in the order in which the causes should be fixed. */
import { isFinding } from '../runner/verdict.ts';
import { groupByCause } from './causes.ts';
import type { CauseGroup } from './causes.ts';
import { explainFailure } from './failure.ts';
import type { Explanation } from './failure.ts';
import type { Summary } from './summary.ts';

/** How many causes are shown. GitHub shows at most ten errors and ten warnings per step. */
const SHOWN = 9;

function escapeText(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeText(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

function command(kind: 'error' | 'warning' | 'notice', title: string, text: string): string {
  return `::${kind} title=${escapeProperty(title)}::${escapeText(text)}`;
}

function annotationOf({ text, checks: [check, ...others] }: CauseGroup, explanation: Explanation): string {
  const also = others.length === 0 ? [] : [`also ${others.map(({ id }) => id).join(', ')}`];
  const lines = [`${check.verdict} ${check.id}: ${check.why}`, ...explainFailure(check, explanation), ...also];
  return command(isFinding(check) ? 'error' : 'warning', text, lines.join('\n'));
}

export function githubReport({ checks, headlines, outcome }: Summary, explanation: Explanation): string {
  const groups = groupByCause(checks);
  const more = groups.length - SHOWN;
  return [
    ...headlines.map((text) => command('error', 'tidemark conformance', text)),
    ...groups.slice(0, SHOWN).map((group) => annotationOf(group, explanation)),
    command('notice', 'tidemark conformance', more > 0 ? `${outcome.text} (and ${more} more causes)` : outcome.text),
    '',
  ].join('\n');
}
