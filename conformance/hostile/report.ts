/** Formats the report of a run as text. */
import type { Distribution } from './latency.ts';
import type { CaseResult, Summary } from './run.ts';

export function resultText({
  id,
  clause,
  verdict,
  findings,
  seen,
  why,
  neighbourMaxMs,
}: CaseResult): string | undefined {
  if (verdict === 'pass' || verdict === 'n/a') return undefined;
  return [
    `${verdict === 'fail' ? 'FAIL' : 'WARN'} ${id} (${clause})  ${why}`,
    ...findings.map((each) => `     ${each}`),
    `     seen: ${seen}`,
    `     repeat: tidemark conformance hostile --url … --only '${id}'  (longest latency of the neighbour meanwhile: ${neighbourMaxMs} ms)`,
  ].join('\n');
}

function latencyText({ samples, p50Ms, p99Ms, maxMs }: Distribution): string {
  return samples === 0 ? 'not measured' : `p50 ${p50Ms} ms, p99 ${p99Ms} ms, max ${maxMs} ms (${samples} samples)`;
}

export function summaryText(summary: Summary): string {
  const { rows, cases, verdicts, neighbour, gateway, runnerLoopDelayMaxMs, findings, durationMs } = summary;
  const { frame, command, event } = neighbour.latency;
  const heap =
    gateway.heapMiBAfter === undefined ? '' : `; heap ${gateway.heapMiBBefore} → ${gateway.heapMiBAfter} MiB`;
  const memory =
    gateway.residentMiBBefore === undefined
      ? 'not reported by the gateway'
      : `${gateway.residentMiBBefore} MiB before, ${gateway.residentMiBAfter} after, at most ${gateway.residentMiBMax}${heap}`;
  const loop =
    gateway.loopDelayMaxMs === undefined
      ? 'not reported by the gateway'
      : `p99 ${gateway.loopDelayP99Ms} ms, max ${gateway.loopDelayMaxMs} ms`;
  return [
    ...findings.map((each) => `FAIL ${each}`),
    `${cases} cases of ${rows} rows in ${(durationMs / 1000).toFixed(1)} s: ${verdicts.pass} passed, ${verdicts.fail} failed, ${verdicts.warn} warnings, ${verdicts['n/a']} not applicable`,
    `neighbour  ping frames   ${latencyText(frame)}`,
    `           ping commands ${latencyText(command)}`,
    `           events        ${latencyText(event)}; ${neighbour.eventsReceived} of ${neighbour.eventsPublished} arrived`,
    `gateway    memory        ${memory}`,
    `           event loop    ${loop}`,
    `           connections   ${gateway.connectionsBefore ?? '?'} before, ${gateway.connectionsAfter ?? '?'} after`,
    `runner     event loop    max ${runnerLoopDelayMaxMs} ms`,
  ].join('\n');
}
