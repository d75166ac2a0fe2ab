/**
 * Decides what a new subscription is shown of the past (RPL-1 to RPL-4). Pure: facts in, plan out.
 */
import type { GapReason, ReplayPolicy } from '../../generated/protocol.ts';
import type { Recovery, ReplayRequest } from '../../generated/types.ts';
import type { EventTable } from '../catalogue/event-table.ts';
import type { EventRecord, KeptLoss, Position, Snapshot } from './record.ts';
import { chooseMatching, chooseWarm } from './warm.ts';
import type { Chosen } from './warm.ts';

export interface RecoveryFacts {
  readonly snapshot: Snapshot;
  readonly request: ReplayRequest;
  readonly matches: (record: EventRecord) => boolean;
  /** Whether a loss below one of these directories concerns the subscription. */
  readonly concerns: (paths: readonly string[]) => boolean;
  readonly table: EventTable;
  /** The replay policies of the events that the subscription names: whether a bound mattered depends on them. */
  readonly policies: ReadonlySet<ReplayPolicy>;
  /** Whether the subscription leaves events out by what is in them. */
  readonly filtered: boolean;
}

export interface RecoveryPlan {
  /** Where live delivery begins. */
  readonly position: Position;
  readonly recovery: Recovery;
  /** To be said after `subscribed`, when a resume has failed. */
  readonly gap: { readonly from: Position; readonly to: Position; readonly reason: GapReason } | undefined;
  /** Ascending, and chosen as they are asked for; what is published meanwhile is not among them. */
  readonly records: Chosen;
  /** The position before the first of them. */
  readonly after: Position;
  /** To be said among the records, each behind those up to its position (GAP-2); ascending. */
  readonly losses: readonly KeptLoss[];
  readonly replayReason: 'warm' | 'resume';
  /** Whether a bound of history cut the picture. */
  readonly truncated: boolean;
}

type Failure = Extract<Recovery, { recovered: false }>['reason'];

/** Why a position cannot be resumed from, or undefined when it can. */
export function failureOf(after: Position, snapshot: Snapshot): Failure | undefined {
  if (after.epoch !== snapshot.head.epoch) return 'epoch_changed';
  if (after.sequenceId > snapshot.head.sequenceId) return 'unknown_position';
  return after.sequenceId < snapshot.floor - 1 ? 'window_exceeded' : undefined;
}

function warm(facts: RecoveryFacts): Pick<RecoveryPlan, 'records' | 'after' | 'losses' | 'replayReason' | 'truncated'> {
  const { snapshot, table, matches, policies, filtered } = facts;
  const records = chooseWarm([...snapshot.retained, ...snapshot.since(0)], { table, matches });
  const perKey = policies.has('latest-per-key') || policies.has('latest');
  // Beyond history only the newest event of a key is at hand: an older one that the filter would let through may be gone.
  const mayLack = policies.has('log') || (perKey && (snapshot.keysEvicted || filtered));
  // With all of history at hand nothing is missing, whatever was not retained beside it.
  const truncated = snapshot.floor > 1 && mayLack;
  const after = { epoch: snapshot.head.epoch, sequenceId: 0 };
  return { records, after, losses: [], replayReason: 'warm', truncated };
}

export function planRecovery(facts: RecoveryFacts): RecoveryPlan {
  const { snapshot, request, matches, concerns } = facts;
  const position = { epoch: snapshot.head.epoch, sequenceId: snapshot.head.sequenceId };
  if (request.mode === 'none')
    return {
      position,
      recovery: { attempted: false },
      gap: undefined,
      records: chooseMatching([], matches),
      after: position,
      losses: [],
      replayReason: 'warm',
      truncated: false,
    };
  if (request.mode === 'warm') return { position, recovery: { attempted: false }, gap: undefined, ...warm(facts) };
  const { after } = request;
  const reason = failureOf(after, snapshot);
  if (reason !== undefined)
    return {
      position,
      recovery: { attempted: true, recovered: false, reason },
      gap: { from: after, to: position, reason },
      ...warm(facts),
    };
  return {
    position,
    recovery: { attempted: true, recovered: true },
    gap: undefined,
    records: chooseMatching(snapshot.since(after.sequenceId), matches),
    after,
    // One at the very position may have been said, or not any more before the connection broke.
    losses: snapshot.losses.filter(({ sequenceId, paths }) => sequenceId >= after.sequenceId && concerns(paths)),
    replayReason: 'resume',
    truncated: false,
  };
}
