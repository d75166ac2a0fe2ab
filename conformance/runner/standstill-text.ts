/** Makes the texts that report a standstill of the target. */
import type { Frame } from '../trace/trace.ts';
import type { CheckResult } from './verdict.ts';
import { HANDSHAKE_MARK } from '../trace/outstanding.ts';
import type { Standstill } from './standstill-detector.ts';

const SHOWN_TEXT = 200;
/** The cause of every check during which the target stopped. */
export const STOPS = 'the server stops';

function whatHappened({ kind, restarted }: Standstill): string {
  if (restarted) return 'the server stopped and was restarted';
  return kind === 'stopped'
    ? 'the server stopped: it accepts no more connections'
    : 'the server hangs: it accepts connections and answers nothing';
}

function frameText({ n, kind, text }: Frame): string {
  const what = text.startsWith(HANDSHAKE_MARK) ? 'the handshake of a connection' : `${kind} ${text}`;
  return `frame ${n} (${what.length > SHOWN_TEXT ? `${what.slice(0, SHOWN_TEXT)}…` : what})`;
}

/** The checks that waited for an answer when the target stopped. */
function checksOf({ suspects }: Standstill): readonly string[] {
  return [...new Set(suspects.map(({ check, actor }) => check ?? actor))];
}

export function standstillTitle(standstill: Standstill): string {
  const what = whatHappened(standstill).split(':')[0] ?? '';
  const checks = checksOf(standstill);
  return checks.length === 0 ? what : `${what} during ${checks.join(' or ')}`;
}

/** Describes a standstill in one sentence: what happened, during which check, and after which frame. */
export function standstillText(standstill: Standstill): string {
  const [suspect] = standstill.suspects;
  if (suspect === undefined) return whatHappened(standstill);
  const [first = '', ...others] = checksOf(standstill);
  if (others.length === 0)
    return `${whatHappened(standstill)}; the last frame sent to it was from ${first}: ${frameText(suspect)}`;
  return `${whatHappened(standstill)}; ${[first, ...others].join(', ')} were running; use --jobs 1 to find which of them stopped it`;
}

/** Makes the result of a check during which the target stopped. */
export function standstillFailure(result: CheckResult, standstill: Standstill): CheckResult {
  const { reason: _reason, ...rest } = result;
  const own = standstill.suspects.filter(({ check }) => check === result.id);
  const after = own.length === 0 ? '' : ` after ${own.map(frameText).join(', ')}`;
  const text = `${whatHappened(standstill)}${after}`;
  const frames = new Set([...own, ...standstill.last].map(({ n }) => n));
  return {
    ...rest,
    verdict: 'FAIL',
    cause: { text: STOPS },
    failures: [{ text, frames: [...frames].toSorted((left, right) => left - right) }],
  };
}
