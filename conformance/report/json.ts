/** The report as JSON: the summary, unchanged. */
import type { Summary } from './summary.ts';

export function jsonReport(summary: Summary): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}
