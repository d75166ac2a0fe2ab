/** Every invariant, in the order in which reports show them. */
import { checkOf } from '../trace/finding.ts';
import type { Invariant, TraceCheck } from '../trace/finding.ts';
import { ascending } from './ascending.ts';
import { closeDiscipline } from './close-discipline.ts';
import { contiguous } from './contiguous.ts';
import { filterComplete } from './filter-complete.ts';
import { filterSound } from './filter-sound.ts';
import { gapReported } from './gap-reported.ts';
import { heartbeatCadence } from './heartbeat-cadence.ts';
import { heartbeatPing } from './heartbeat-ping.ts';
import { heartbeatTruth } from './heartbeat-truth.ts';
import { introspection } from './introspection.ts';
import { manyStreams } from './many-streams.ts';
import { noOrphanReply } from './no-orphan-reply.ts';
import { nothingLeaks } from './nothing-leaks.ts';
import { oneLiveMessage } from './one-live-message.ts';
import { onePayload } from './one-payload.ts';
import { oneReply } from './one-reply.ts';
import { replayCourse } from './replay-course.ts';
import { resumeWhole } from './resume-whole.ts';
import { scopeGate } from './scope-gate.ts';
import { streamIsolation } from './stream-isolation.ts';
import { subscriptionBounds } from './subscription-bounds.ts';
import { syncBarrier } from './sync-barrier.ts';
import { timeSane } from './time-sane.ts';
import { warmPicture } from './warm-picture.ts';
import { welcomeFirst } from './welcome-first.ts';

export const INVARIANTS: readonly Invariant[] = [
  welcomeFirst,
  oneReply,
  noOrphanReply,
  ascending,
  contiguous,
  onePayload,
  oneLiveMessage,
  timeSane,
  subscriptionBounds,
  streamIsolation,
  filterSound,
  filterComplete,
  replayCourse,
  resumeWhole,
  warmPicture,
  manyStreams,
  gapReported,
  syncBarrier,
  scopeGate,
  heartbeatTruth,
  heartbeatCadence,
  heartbeatPing,
  closeDiscipline,
  introspection,
  nothingLeaks,
];

export const INVARIANT_CHECKS: readonly TraceCheck[] = INVARIANTS.map(checkOf);
