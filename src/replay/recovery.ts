/**
 * Plans the replay of a new subscription (RPL-1 to RPL-4), as a pure function of its facts.
 */
import type { GapReason, ReplayPolicy } from '../../generated/protocol.ts';
import type { Recovery, ReplayNone, ReplayResume, ReplayWarm } from '../../generated/types.ts';
import type { EventTable } from '../catalogue/event-table.ts';
import type { EventRecord, KeptLoss, Position, Snapshot } from './record.ts';
import { chooseMatching, chooseWarm } from './warm.ts';
import type { Chosen } from './warm.ts';

/** Which past events of one stream to replay. */
export type StreamRequest = ReplayNone | ReplayWarm | ReplayResume;

export interface RecoveryFacts {
  readonly snapshot: Snapshot;
  readonly request: StreamRequest;
  readonly matches: (record: EventRecord) => boolean;
  /** Whether a loss below one of these directories concerns the subscription. */
  readonly concerns: (paths: readonly string[]) => boolean;
  readonly table: EventTable;
  /** The replay policies of the events that the subscription names: whether a bound mattered depends on them. */
  readonly policies: ReadonlySet<ReplayPolicy>;
  /** Whether the subscription has a filter. */
  readonly filtered: boolean;
}

export interface RecoveryPlan {
  /** The position at which live delivery begins. */
  readonly position: Position;
  readonly recovery: Recovery;
  /** The gap to send after `subscribed` if a resume has failed. */
  readonly gap: { readonly from: Position; readonly to: Position; readonly reason: GapReason } | undefined;
  /** Ascending, and selected on demand; events published later are not included. */
  readonly records: Chosen;
  /** If `records` are the matching events of a part of history without a hole: that part, and the lowest sequenceId of history. */
  readonly run: { readonly records: readonly EventRecord[]; readonly floor: number } | undefined;
  /** The position before the first record. */
  readonly after: Position;
  /** Losses to report among the records, each after the records up to its position (GAP-2); ascending. */
  readonly losses: readonly KeptLoss[];
  readonly replayReason: 'warm' | 'resume';
  /** Whether a bound of history cut the picture. */
  readonly truncated: boolean;
}

type Failure = Extract<Recovery, { recovered: false }>['reason'];

/** Why a resume from a position fails, or undefined if it does not. */
export function failureOf(after: Position, snapshot: Snapshot): Failure | undefined {
  if (after.epoch !== snapshot.head.epoch) return 'epoch_changed';
  if (after.sequenceId > snapshot.head.sequenceId) return 'unknown_position';
  return after.sequenceId < snapshot.floor - 1 ? 'window_exceeded' : undefined;
}

function warm(
  facts: RecoveryFacts,
): Pick<RecoveryPlan, 'records' | 'run' | 'after' | 'losses' | 'replayReason' | 'truncated'> {
  const { snapshot, table, matches, policies, filtered } = facts;
  const records = chooseWarm([...snapshot.retained, ...snapshot.since(0)], { table, matches });
  const perKey = policies.has('latest-per-key') || policies.has('latest');
  // Outside of history only the newest event of a key is kept; an older event that matches the filter may have been dropped.
  const mayLack = policies.has('log') || (perKey && (snapshot.keysEvicted || filtered));
  // If history is complete nothing is missing, regardless of the retained keys.
  const truncated = snapshot.floor > 1 && mayLack;
  const after = { epoch: snapshot.head.epoch, sequenceId: 0 };
  return { records, run: undefined, after, losses: [], replayReason: 'warm', truncated };
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
      run: undefined,
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
  const records = snapshot.since(after.sequenceId);
  return {
    position,
    recovery: { attempted: true, recovered: true },
    gap: undefined,
    records: chooseMatching(records, matches),
    run: { records, floor: snapshot.floor },
    after,
    // A loss at exactly the position may not have reached the client before its connection broke.
    losses: snapshot.losses.filter(({ sequenceId, paths }) => sequenceId >= after.sequenceId && concerns(paths)),
    replayReason: 'resume',
    truncated: false,
  };
}
