/** Explains a failed check: the clause, the expectation, the nearest frame, the last frames, and how to repeat it. */
import { CLAUSES } from '../../generated/protocol.ts';
import type { ClauseId } from '../../generated/protocol.ts';
import { describeMessage, isClause } from '../invariants/contract.ts';
import { asText, textAt } from '../trace/json.ts';
import type { CheckResult, Failure } from '../runner/verdict.ts';
import type { Difference } from '../tape/matcher.ts';
import type { Frame, Trace } from '../trace/trace.ts';
import { excerpt, laneLine } from './lanes.ts';
import { framesOf } from './summary.ts';

const LANES = 10;
const SHOWN_FAILURES = 3;
/**
 * The maximum number of faults that are shown: enough for all faults of a `welcome`, so that they can be fixed
 * together.
 */
const SHOWN_DIFFERENCES = 60;

export interface Explanation {
  readonly trace: Trace;
  /** The command that runs this check alone. */
  readonly repeat: (id: string) => string;
  readonly width: number;
}

function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`;
}

function differenceText({ path, expected, actual }: Difference): string {
  const where = path === '' ? '(the whole)' : path;
  return `${where}: expected ${shorten(expected, 200)}, got ${actual === undefined ? 'nothing' : shorten(JSON.stringify(actual), 200)}`;
}

function failureLines(failure: Failure, check: CheckResult): readonly string[] {
  const { text, line, expected, nearest, frames } = failure;
  const where = line === undefined ? '' : ` (${check.id}.ndjson:${line})`;
  const lines = [`${text}${where}`];
  if (expected !== undefined) lines.push(`  expected  ${shorten(asText(expected), 600)}`);
  if (nearest !== undefined) {
    lines.push(`  nearest   frame ${nearest.frame}: ${shorten(asText(nearest.value), 600)}`);
    lines.push(...nearest.differences.slice(0, SHOWN_DIFFERENCES).map((each) => `            ${differenceText(each)}`));
  } else if (frames.length > 0) lines.push(`  frames    ${frames.join(', ')}`);
  return lines;
}

/** Pings and heartbeats are not shown: they are so frequent that they would displace the frames that explain a failure. */
function isRoutine({ kind, json }: Frame): boolean {
  return kind === 'ping' || kind === 'pong' || textAt(json, 'type') === 'heartbeat';
}

function laneLines(check: CheckResult, { trace, width }: Explanation): readonly string[] {
  const proofs = check.failures.flatMap((failure) => failure.frames);
  const shown = check.id.includes('heartbeat') ? (): boolean => true : (frame: Frame): boolean => !isRoutine(frame);
  const frames = framesOf(trace, check).filter((frame) => shown(frame) || proofs.includes(frame.n));
  const matter = check.failures.flatMap((failure) => failure.frames);
  return excerpt(frames, matter, LANES).map((frame) => `  ${laneLine(frame, { width: width - 2 })}`);
}

const CLAUSE = /\b[A-Z]{3}-\d+\b/g;

/** The clauses to show. A check of the whole trace cites many clauses, so only those that its failures name are shown. */
function clausesToShow({ kind, clauses, failures }: CheckResult): readonly ClauseId[] {
  if (kind === 'tape') return clauses;
  const named = failures.slice(0, SHOWN_FAILURES).flatMap(({ text }) => [...text.matchAll(CLAUSE)].map(([id]) => id));
  const broken = [...new Set(named)].filter(isClause);
  return broken.length === 0 ? clauses : broken;
}

/** Lines of text, without a heading. */
export function explainFailure(check: CheckResult, explanation: Explanation): readonly string[] {
  const { failures, reason } = check;
  const more = failures.length - SHOWN_FAILURES;
  const message = failures.map(({ expected }) => textAt(expected, 'type')).find((each) => each !== undefined);
  const example = message !== undefined && describeMessage(message) !== undefined;
  return [
    ...clausesToShow(check).map((id) => `${id}  ${CLAUSES[id].text}`),
    ...(reason === undefined ? [] : [reason]),
    ...failures.slice(0, SHOWN_FAILURES).flatMap((failure) => failureLines(failure, check)),
    ...(more > 0 ? [`… and ${more} more`] : []),
    ...laneLines(check, explanation),
    ...(example ? [`  example   npx tidemark conformance explain ${message}`] : []),
    `  again     ${explanation.repeat(check.id)}`,
  ];
}
