/** The result of a run as data. Every report format is made from it. */
import { CLAUSES, CONTRACT_DIGEST, PROTOCOL_VERSION } from '../../generated/protocol.ts';
import type { ClauseId } from '../../generated/protocol.ts';
import { CLAUSE_IDS } from '../invariants/contract.ts';
import type { Run } from '../runner/run.ts';
import { VERDICTS, isFinding } from '../runner/verdict.ts';
import type { CheckResult, Outcome, Verdict } from '../runner/verdict.ts';
import type { Frame, Trace } from '../trace/trace.ts';

/** The result of one clause. `NONE`: no check cites it. */
export interface ClauseResult {
  readonly id: ClauseId;
  readonly text: string;
  readonly observable: 'client' | 'server' | 'operator';
  readonly verdict: Verdict | 'NONE';
  readonly checks: readonly { readonly id: string; readonly verdict: Verdict }[];
}

export interface Summary {
  readonly suite: { readonly protocolVersion: string; readonly contractDigest: string };
  readonly target: {
    readonly url: string;
    readonly nodeId?: string;
    readonly protocolVersion?: string;
    readonly contractDigest?: string;
    readonly heartbeatIntervalMs?: number;
  };
  /** Whether the whole suite ran; only then do reports list the clauses that were not checked. */
  readonly scope: 'everything' | 'a part';
  readonly startedAt: string;
  readonly durationMs: number;
  readonly frames: number;
  readonly outcome: Outcome;
  /** Facts that are more important than any single check, such as that the target stopped; often empty. */
  readonly headlines: readonly string[];
  readonly counts: Readonly<Record<Verdict, number>>;
  readonly checks: readonly CheckResult[];
  readonly clauses: readonly ClauseResult[];
  readonly harnessFaults: readonly string[];
}

/** The verdict of a clause is the first verdict in this list that one of its checks has. */
const WORST_FIRST: readonly Verdict[] = [
  'FAIL',
  'UNTESTABLE',
  'INCONCLUSIVE',
  'PASS',
  'WARN',
  'SKIPPED',
  'VACUOUS',
  'N/A',
];

function verdictOf(checks: readonly CheckResult[]): Verdict | 'NONE' {
  return WORST_FIRST.find((verdict) => checks.some((check) => check.verdict === verdict)) ?? 'NONE';
}

export function clauseResults(checks: readonly CheckResult[]): readonly ClauseResult[] {
  return CLAUSE_IDS.flatMap((id) => {
    const citing = checks.filter(({ clauses }) => clauses.includes(id));
    const { text, observable } = CLAUSES[id];
    // Clauses that only a server can observe are not checked by a run against a server.
    if (observable === 'server' && citing.length === 0) return [];
    const cited = citing.map(({ id: check, verdict }) => ({ id: check, verdict }));
    return [{ id, text, observable, verdict: verdictOf(citing), checks: cited }];
  });
}

export function countVerdicts(checks: readonly CheckResult[]): Readonly<Record<Verdict, number>> {
  const counts = VERDICTS.map(
    (verdict) => [verdict, checks.filter((check) => check.verdict === verdict).length] as const,
  );
  return Object.fromEntries(counts) as Record<Verdict, number>;
}

/** What a summary needs, both for a run and for the check of a recorded trace. */
export interface Judged {
  readonly trace: Trace;
  readonly checks: readonly CheckResult[];
  readonly outcome: Outcome;
  readonly harnessFaults: readonly string[];
  readonly durationMs: number;
}

export function summarise(judged: Judged, run?: Run): Summary {
  const { trace, checks, outcome, harnessFaults, durationMs } = judged;
  const welcome = run?.profile?.welcome;
  return {
    suite: { protocolVersion: PROTOCOL_VERSION, contractDigest: CONTRACT_DIGEST },
    target: {
      url: trace.header.target,
      ...(welcome === undefined
        ? {}
        : {
            nodeId: welcome.nodeId,
            protocolVersion: welcome.protocolVersion,
            contractDigest: welcome.contractDigest,
            heartbeatIntervalMs: welcome.heartbeatIntervalMs,
          }),
    },
    scope: run?.scope ?? 'a part',
    startedAt: trace.header.startedAt,
    durationMs,
    frames: trace.frames.length,
    outcome,
    headlines: run?.headlines ?? [],
    counts: countVerdicts(checks),
    checks,
    clauses: clauseResults(checks),
    harnessFaults,
  };
}

/** The checks that failed, warned or were inconclusive. */
export function unsuccessfulChecks(checks: readonly CheckResult[]): readonly CheckResult[] {
  return checks.filter((check) => isFinding(check) || check.verdict === 'INCONCLUSIVE' || check.verdict === 'WARN');
}

/**
 * The frames of one check. For a tape or the exchanges: all frames, including those on the runner's own connections. For a check
 * of the whole trace: the frames that prove its first three failures.
 */
export function framesOf(trace: Trace, check: CheckResult): readonly Frame[] {
  if (check.kind === 'tape' || check.kind === 'generated')
    return trace.frames.filter((frame) => frame.check === check.id);
  const proofs = new Set(check.failures.slice(0, 3).flatMap(({ frames }) => frames));
  return trace.frames.filter(({ n }) => proofs.has(n));
}
