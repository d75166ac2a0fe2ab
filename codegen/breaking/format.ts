/** Formats the report as text, and as GitHub workflow commands (annotations). */
import type { CompatibilityFinding, Severity } from './finding.ts';
import type { CompatibilityReport } from './report.ts';
import { show } from './change.ts';

const HEADINGS: Readonly<Record<Severity, string>> = {
  breaking: 'BREAKING',
  warning: 'WARNING',
  compatible: 'compatible',
};

/** The maximum number of tapes listed with one finding. */
const SHOWN_TAPES = 5;

export function formatText(report: CompatibilityReport): string {
  const { findings, counts, against, contract } = report;
  const parts = findings.map((finding) => formatFinding(report, finding));
  const { breaking, warning, compatible } = counts;
  const total =
    findings.length === 0
      ? `${contract} and ${against} do not differ on the wire.`
      : `${contract} against ${against}: ${breaking} breaking, ${plural(warning, 'warning')}, ${compatible} compatible.`;
  return [...parts, ...tapeLines(report), total].join('\n');
}

function tapeLines({ tapes, findings }: CompatibilityReport): string[] {
  if (tapes === undefined) return [];
  const attributed = new Set(findings.flatMap((finding) => finding.tapes));
  const others = tapes.broken.filter(({ at }) => !attributed.has(at));
  const broken = new Set(tapes.broken.map(({ at }) => at)).size;
  return [
    ...others.map(({ at, reason }) => `tape ${at} is no longer valid: ${reason}`),
    `${plural(tapes.tapes, 'tape')} with ${plural(tapes.frames, 'frame')} of the old contract: ${broken === 0 ? 'every frame is valid in the new one' : `${broken} ${broken === 1 ? 'is' : 'are'} not valid in the new one`}.`,
  ];
}

function formatFinding({ against, contract, tapes }: CompatibilityReport, finding: CompatibilityFinding): string {
  const { rule, severity, decided, direction, was, now, summary, reason, usedBy } = finding;
  const head = `${HEADINGS[severity]}${decided ? '' : ' (undecided)'} ${rule}: ${summary}`;
  if (severity === 'compatible') return `${head}. ${reason}`;
  return [
    head,
    `  ${reason}`,
    `  direction  ${direction}${usedBy.length > 0 ? `, in ${usedBy.join(', ')}` : ''}`,
    `  old  ${placeText(against, was)}${valueOf(was.value)}`,
    `  new  ${placeText(contract, now)}${valueOf(now.value)}`,
    ...(tapes === undefined ? [] : [`  tapes  ${tapesOf(finding)}`]),
    '',
  ].join('\n');
}

function placeText(version: string, { file = version, line, pointer }: CompatibilityFinding['was']): string {
  return `${file}${line === undefined ? '' : `:${line}`} ${pointerText(pointer)}`;
}

function pointerText(pointer: string): string {
  return pointer === '' ? '(top)' : pointer;
}

function valueOf(value: unknown): string {
  return value === undefined ? ' (absent)' : ` = ${show(value)}`;
}

function tapesOf({ tapes }: CompatibilityFinding): string {
  if (tapes.length === 0) return 'no recorded frame breaks';
  const more = tapes.length - SHOWN_TAPES;
  return `${tapes.slice(0, SHOWN_TAPES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

const LEVELS: Readonly<Record<Severity, string>> = { breaking: 'error', warning: 'warning', compatible: 'notice' };

/** One annotation per finding, at its file and line in the newer contract. */
export function formatGithub(report: CompatibilityReport): string {
  const { contract, findings } = report;
  return findings
    .map((finding) => {
      const { rule, severity, decided, now, summary, reason, usedBy, tapes } = finding;
      const title = `${rule}${decided ? '' : ' (undecided)'}`;
      const where = `file=${property(now.file ?? contract)}${now.line === undefined ? '' : `,line=${now.line}`},title=${property(title)}`;
      const lines = [
        `${sentence(summary)} ${reason}`,
        `${pointerText(now.pointer)}${usedBy.length > 0 ? ` (${usedBy.join(', ')})` : ''}`,
        ...(tapes.length > 0 ? [`Recorded frames that break: ${tapesOf(finding)}`] : []),
      ];
      return `::${LEVELS[severity]} ${where}::${message(lines.join('\n'))}`;
    })
    .join('\n');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Escapes text for the runner of GitHub Actions. */
function message(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return message(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
