/** Parses `--report html=out.html,junit=out.xml`, and writes each report in its format to its file. */
import type { Explanation } from '../report/failure.ts';
import { ctrfReport } from '../report/ctrf.ts';
import { githubReport } from '../report/github.ts';
import { htmlReport } from '../report/html.ts';
import { jsonReport } from '../report/json.ts';
import { junitReport } from '../report/junit.ts';
import { markdownReport } from '../report/markdown.ts';
import type { Summary } from '../report/summary.ts';
import { tapReport } from '../report/tap.ts';
import { textReport } from '../report/text.ts';
import { UsageError, print, writeOutput } from './terminal.ts';

type Renderer = (summary: Summary, explanation: Explanation) => string;

const RENDERERS: Readonly<Record<string, Renderer>> = {
  text: textReport,
  json: jsonReport,
  junit: junitReport,
  tap: tapReport,
  md: markdownReport,
  html: htmlReport,
  ctrf: ctrfReport,
  github: githubReport,
};

/**
 * Stands for standard output in place of a file. Format `github` needs it: GitHub reads annotations from the log of the
 * step.
 */
const STDOUT = '-';

export interface ReportRequest {
  readonly format: string;
  readonly file: string;
}

/** @throws {UsageError} for an unknown format. */
export function parseReports(values: readonly string[]): readonly ReportRequest[] {
  return values
    .flatMap((value) => value.split(','))
    .map((value) => {
      const [format = '', ...rest] = value.split('=');
      const file = rest.join('=');
      if (!Object.hasOwn(RENDERERS, format) || file === '')
        throw new UsageError(
          `--report must be FORMAT=FILE, where FORMAT is one of ${Object.keys(RENDERERS).join(', ')}, not ${JSON.stringify(value)}.`,
        );
      return { format, file };
    });
}

export function writeReports(requests: readonly ReportRequest[], summary: Summary, explanation: Explanation): void {
  for (const { format, file } of requests) {
    const text = RENDERERS[format]?.(summary, explanation) ?? '';
    if (file === STDOUT) print(text);
    else writeOutput(file, text);
  }
}
