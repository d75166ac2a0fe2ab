/** The checks of levels 1 and 3, which judge a trace. */
import { FRAME_CHECKS } from './contract-level.ts';
import type { TraceCheck } from './finding.ts';
import { INVARIANT_CHECKS } from './invariants/table.ts';

export const TRACE_CHECKS: readonly TraceCheck[] = [...FRAME_CHECKS, ...INVARIANT_CHECKS];
