/** Plans the replay for a new subscription (RPL-1 to RPL-4). The plan depends only on the given facts. */
import type { GapReason, ReplayPolicy } from '../../generated/protocol.ts';
import type { Recovery, ReplayNone, ReplayResume, ReplayWarm } from '../../generated/types.ts';
import type { EventTable } from '../catalogue/event-table.ts';
import { PendingEvents } from './pending-events.ts';
import type { EventRecord, KeptLoss, Position, Snapshot } from './record.ts';
import { chooseMatching, chooseWarm } from './warm.ts';
import type { Chosen } from './warm.ts';

/** Which earlier events of one stream a client wants to be replayed. */
export type StreamRequest = ReplayNone | ReplayWarm | ReplayResume;

export interface RecoveryFacts {
  readonly snapshot: Snapshot;
  readonly request: StreamRequest;
  readonly matches: (record: EventRecord) => boolean;
  /** Whether a source loss in these directories, or in directories below them, affects the subscription. */
  readonly concerns: (paths: readonly string[]) => boolean;
  readonly table: EventTable;
  /**
   * The replay policies of the events that the subscription names. They determine whether a warm replay is incomplete once history has
   * dropped events.
   */
  readonly policies: ReadonlySet<ReplayPolicy>;
  /** Whether the subscription has a filter. */
  readonly filtered: boolean;
}

export interface RecoveryPlan {
  /** The position after which live delivery begins. */
  readonly position: Position;
  readonly recovery: Recovery;
  /** The gap to send after `subscribed`, if a resume failed. */
  readonly gap: { readonly from: Position; readonly to: Position; readonly reason: GapReason } | undefined;
  /**
   * For a resume that also requests the warm picture (RPL-7): the events of the picture up to the position of the client, in ascending
   * order. They are replayed before `records`.
   */
  readonly picture: { readonly records: Chosen; readonly pending: PendingEvents } | undefined;
  /**
   * The events to replay, in ascending order. They are selected when they are read. Events that are published after the planning are not
   * included.
   */
  readonly records: Chosen;
  /** The events from which `records` are selected, without those that were sent. */
  readonly pending: PendingEvents;
  /** The lowest sequenceId of history, if `records` are selected by the filter alone. Undefined unless a resume succeeds. */
  readonly floor: number | undefined;
  /** The position directly before the first record. */
  readonly after: Position;
  /**
   * Source losses to report between the records, in ascending order. Each loss is reported after the records up to its position (GAP-2).
   */
  readonly losses: readonly KeptLoss[];
  readonly replayReason: 'warm' | 'resume';
  /** Whether the warm picture may be incomplete because of a limit of history. */
  readonly truncated: boolean;
}

type Failure = Extract<Recovery, { recovered: false }>['reason'];

/** The reason why a resume from a position fails; undefined if it succeeds. */
export function failureOf(after: Position, snapshot: Snapshot): Failure | undefined {
  if (after.epoch !== snapshot.head.epoch) return 'epoch_changed';
  if (after.sequenceId > snapshot.head.sequenceId) return 'unknown_position';
  return after.sequenceId < snapshot.floor - 1 ? 'window_exceeded' : undefined;
}

function warm(
  facts: RecoveryFacts,
): Pick<RecoveryPlan, 'picture' | 'records' | 'pending' | 'floor' | 'after' | 'losses' | 'replayReason' | 'truncated'> {
  const { snapshot, table, matches, policies, filtered } = facts;
  const pending = new PendingEvents([snapshot.retained, ...snapshot.since(0)], snapshot.memory);
  const records = chooseWarm(pending, { table, matches });
  const perKey = policies.has('latest-per-key') || policies.has('latest');
  // Below the floor of the history, only the newest event of each key is retained. If this event does not match the filter, an older
  // matching event of the key may have been dropped.
  const mayLack = policies.has('log') || (perKey && (snapshot.keysEvicted || filtered));
  // If history is complete, nothing is missing, even if keys were dropped.
  const truncated = snapshot.floor > 1 && mayLack;
  const after = { epoch: snapshot.head.epoch, sequenceId: 0 };
  return {
    picture: undefined,
    records,
    pending,
    floor: undefined,
    after,
    losses: [],
    replayReason: 'warm',
    truncated,
  };
}

/** Yields the events up to a position. Later events are left out, because the resume replays them anyway. */
function* upTo(records: Chosen, { sequenceId }: Position): Chosen {
  for (const record of records) yield record === undefined || record.sequenceId > sequenceId ? undefined : record;
}

/** The recovery of all subscriptions that did not resume. They share this object, because every subscription keeps its recovery. */
export const NOT_ATTEMPTED: Recovery = { attempted: false };

export function planRecovery(facts: RecoveryFacts): RecoveryPlan {
  const { snapshot, request, matches, concerns } = facts;
  const position = { epoch: snapshot.head.epoch, sequenceId: snapshot.head.sequenceId };
  if (request.mode === 'none') {
    const pending = new PendingEvents([], snapshot.memory);
    return {
      position,
      recovery: NOT_ATTEMPTED,
      gap: undefined,
      picture: undefined,
      records: chooseMatching(pending, matches),
      pending,
      floor: undefined,
      after: position,
      losses: [],
      replayReason: 'warm',
      truncated: false,
    };
  }
  if (request.mode === 'warm') return { position, recovery: NOT_ATTEMPTED, gap: undefined, ...warm(facts) };
  const { after, withPicture } = request;
  const reason = failureOf(after, snapshot);
  if (reason !== undefined)
    return {
      position,
      recovery: { attempted: true, recovered: false, reason },
      gap: { from: after, to: position, reason },
      ...warm(facts),
    };
  const pending = new PendingEvents(snapshot.since(after.sequenceId), snapshot.memory);
  const picture = withPicture === true ? warm(facts) : undefined;
  return {
    position,
    recovery: { attempted: true, recovered: true },
    gap: undefined,
    picture: picture === undefined ? undefined : { records: upTo(picture.records, after), pending: picture.pending },
    records: chooseMatching(pending, matches),
    pending,
    floor: snapshot.floor,
    after,
    // A loss at exactly the position of the client is included, because the client may not have received it before its connection broke.
    losses: snapshot.losses.filter(({ sequenceId, paths }) => sequenceId >= after.sequenceId && concerns(paths)),
    replayReason: 'resume',
    truncated: picture?.truncated ?? false,
  };
}
