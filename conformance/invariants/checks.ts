/** The checks that run on a trace: the frame checks and the invariants. */
import { FRAME_CHECKS } from './frame-checks.ts';
import type { TraceCheck } from '../trace/finding.ts';
import { INVARIANT_CHECKS } from './table.ts';

export const TRACE_CHECKS: readonly TraceCheck[] = [...FRAME_CHECKS, ...INVARIANT_CHECKS];
