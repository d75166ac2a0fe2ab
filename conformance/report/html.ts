/** The report as one self-contained HTML file: no scripts, no fonts, no external addresses. */
import type { CheckResult, Verdict } from '../runner/verdict.ts';
import { isFinding } from '../runner/verdict.ts';
import type { Frame, Trace } from '../trace/trace.ts';
import { groupByCause } from './causes.ts';
import type { CauseGroup } from './causes.ts';
import { explainFailure } from './failure.ts';
import type { Explanation } from './failure.ts';
import { frameText } from './lanes.ts';
import { escapeMarkup } from './markup.ts';
import { RESERVED_ACTORS } from '../tape/header.ts';
import { STYLE } from './style.ts';
import type { ClauseResult, Summary } from './summary.ts';
import { framesOf } from './summary.ts';

const SHOWN_FRAMES = 120;
const SHOWN_TEXT = 160;
/** Number of causes that are expanded when the page is opened. */
const OPENED = 3;

function badge(verdict: Verdict | 'NONE'): string {
  const name = verdict === 'NONE' ? 'no check' : verdict;
  return `<span class="v v-${verdict.replace('/', '')}">${name}</span>`;
}

function anchor(id: string): string {
  return `c-${id.replaceAll('/', '-')}`;
}

/** Makes one row of the table of lanes. The frame is in the column of its actor. */
function rowOf(frame: Frame, actors: readonly string[], proofs: ReadonlySet<number>): string {
  const text = frameText(frame);
  const shown = text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}…` : text;
  const cell = `<td class="f ${frame.dir === '>>' ? 'out' : 'in'}" title="${escapeMarkup(text.slice(0, 1200))}"><span class="d">${frame.dir === '>>' ? '→' : '←'}</span> ${escapeMarkup(shown)}</td>`;
  const cells = actors.map((actor) => (actor === frame.actor ? cell : '<td></td>')).join('');
  return `<tr${proofs.has(frame.n) ? ' class="proof"' : ''}><th>${frame.n}</th><th>${frame.at.toFixed(0)}</th>${cells}</tr>`;
}

function lanesOf(check: CheckResult, trace: Trace): string {
  const all = framesOf(trace, check);
  if (all.length === 0) return '<p>This check has no frames.</p>';
  const frames = all.slice(0, SHOWN_FRAMES);
  // The actors of the tape come first, then the runner's own actors.
  const named = [...new Set(frames.map(({ actor }) => actor))];
  const actors = [
    ...named.filter((each) => !RESERVED_ACTORS.includes(each)),
    ...named.filter((each) => RESERVED_ACTORS.includes(each)),
  ];
  const proofs = new Set(check.failures.flatMap(({ frames: numbers }) => numbers));
  const head = `<tr><th>frame</th><th>ms</th>${actors.map((actor) => `<th>${escapeMarkup(actor)}</th>`).join('')}</tr>`;
  const cut = all.length > frames.length ? `<p>… and ${all.length - frames.length} more frames.</p>` : '';
  return `<div class="scroll"><table class="lanes"><thead>${head}</thead><tbody>${frames.map((frame) => rowOf(frame, actors, proofs)).join('')}</tbody></table></div>${cut}`;
}

function checkSection(check: CheckResult, trace: Trace, explanation: Explanation): string {
  const { id, why, clauses, verdict, reason, fired, durationMs, known } = check;
  const isTrouble = isFinding(check) || verdict === 'INCONCLUSIVE' || verdict === 'WARN';
  const details =
    check.failures.length > 0 ? `<pre>${escapeMarkup(explainFailure(check, explanation).join('\n'))}</pre>` : '';
  const links = clauses.map((each) => `<a href="#${each}">${each}</a>`).join(' ');
  // Frames of passed checks would make the file large. They are in the file of `--trace`.
  const lanes = isTrouble ? lanesOf(check, trace) : '';
  return `<details id="${anchor(id)}"><summary>${badge(verdict)} <code>${escapeMarkup(id)}</code>${known === true ? ' (known to fail)' : ''} <span class="why">${escapeMarkup(why)}</span></summary>
<p>${links} · checked ${fired === 1 ? 'once' : `${fired} times`} · ${durationMs} ms${reason === undefined ? '' : ` · ${escapeMarkup(reason)}`}</p>${details}${lanes}</details>`;
}

function clauseRow({ id, text, verdict, checks, observable }: ClauseResult): string {
  const links = checks
    .map(
      (each) => `<a class="t-${each.verdict.replace('/', '')}" href="#${anchor(each.id)}">${escapeMarkup(each.id)}</a>`,
    )
    .join(' ');
  return `<tr id="${id}"><th>${id}</th><td>${badge(verdict)}</td><td>${escapeMarkup(text)}${observable === 'operator' ? ' <em>(observable by operators only)</em>' : ''}</td><td class="links">${links}</td></tr>`;
}

/** The causes in the order in which to fix them: each with the check that shows it best, and with the other checks. */
function causeSection(
  { text, checks: [check, ...others] }: CauseGroup,
  number: number,
  explanation: Explanation,
): string {
  const also = others.map(({ id }) => `<a href="#${anchor(id)}">${escapeMarkup(id)}</a>`).join(', ');
  const count = others.length === 0 ? '' : ` <span class="why">${others.length + 1} checks</span>`;
  return `<details class="cause"${number <= OPENED ? ' open' : ''}><summary>${badge(check.verdict)} <strong>${number}. ${escapeMarkup(text)}</strong>${count}</summary>
<p><a href="#${anchor(check.id)}"><code>${escapeMarkup(check.id)}</code></a> ${escapeMarkup(check.why)}</p><pre>${escapeMarkup(explainFailure(check, explanation).join('\n'))}</pre>${also === '' ? '' : `<p>Also ${also}</p>`}</details>`;
}

function causes(checks: readonly CheckResult[], explanation: Explanation): string {
  const groups = groupByCause(checks);
  if (groups.length === 0) return '';
  const sections = groups.map((group, index) => causeSection(group, index + 1, explanation));
  return `<section><h2>Fix these first</h2>${sections.join('\n')}</section>`;
}

function uncovered(clauses: readonly ClauseResult[]): string {
  const open = clauses.filter(({ verdict }) => !['PASS', 'FAIL'].includes(verdict));
  if (open.length === 0) return '<p>Nothing: every clause was checked.</p>';
  const items = open.map(
    ({ id, verdict, text }) => `<li><a href="#${id}">${id}</a> ${badge(verdict)} ${escapeMarkup(text)}</li>`,
  );
  return `<ul>${items.join('')}</ul>`;
}

function coverageBar(clauses: readonly ClauseResult[]): string {
  const parts = clauses.map(
    ({ id, verdict }) => `<a href="#${id}" class="b v-${verdict.replace('/', '')}" title="${id} ${verdict}"></a>`,
  );
  return `<div class="bar">${parts.join('')}</div>`;
}

export function htmlReport(summary: Summary, explanation: Explanation): string {
  const { checks, clauses, counts, outcome, target, startedAt, durationMs, frames, suite, headlines } = summary;
  const { trace } = explanation;
  const tally = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${badge(verdict as Verdict)} ${count}`)
    .join(' ');
  const judged = clauses.filter(({ verdict }) => verdict === 'PASS' || verdict === 'FAIL').length;
  const sameContract = target.contractDigest === undefined || target.contractDigest === suite.contractDigest;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Tidemark conformance: ${escapeMarkup(outcome.text)}</title><style>${STYLE}</style></head>
<body><header class="${outcome.exit === 0 ? 'good' : 'bad'}"><h1>${escapeMarkup(outcome.text)}</h1>
<p>${escapeMarkup(target.url)}${target.nodeId === undefined ? '' : ` · ${escapeMarkup(target.nodeId)}`} · ${escapeMarkup(startedAt)} · ${(durationMs / 1000).toFixed(1)} s · ${frames} frames · protocol ${suite.protocolVersion}${sameContract ? '' : ' · <strong>the contract of the target differs from the contract of this suite</strong>'}</p>
<p>${tally}</p>${headlines.map((each) => `<p class="headline">${escapeMarkup(each)}</p>`).join('')}</header>
<main>${causes(checks, explanation)}<section><h2>Coverage: ${judged} of ${clauses.length} clauses checked</h2>${coverageBar(clauses)}</section>
<section><h2>What is not covered</h2>${uncovered(clauses)}</section>
<section><h2>Clauses</h2><table class="clauses"><thead><tr><th>clause</th><th>verdict</th><th>text</th><th>checks</th></tr></thead><tbody>${clauses.map(clauseRow).join('\n')}</tbody></table></section>
<section><h2>Checks</h2>${checks.map((check) => checkSection(check, trace, explanation)).join('\n')}</section></main>
<footer>Repeat: <code>${escapeMarkup(explanation.repeat('*'))}</code></footer></body></html>
`;
}
