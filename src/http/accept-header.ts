/** Selects the format of a document according to the `Accept` header of the request (RFC 9110, 12.5.1). */

interface MediaRange {
  readonly range: string;
  /** The weight (`q`) of the type, from 0 (not acceptable) to 1. */
  readonly weight: number;
}

/** For each type, the media ranges that include it, most specific first. The first of these in the `Accept` header sets the weight. */
const JSON_RANGES = ['application/json', 'application/*', '*/*'];
const YAML_RANGES = ['application/yaml', 'application/*', '*/*'];
const HTML_RANGES = ['text/html', 'text/*', '*/*'];

/** Whether a client prefers JSON to YAML. If it has no preference, the result is false. */
export function prefersJson(accept: string | undefined): boolean {
  const ranges = readRanges(accept);
  return weightOf(JSON_RANGES, ranges) > weightOf(YAML_RANGES, ranges);
}

/**
 * Whether a client wants Markdown instead of HTML (OPS-7). The client must name the type `text/markdown`, which browsers do not do, and
 * must not give HTML a higher weight. Tools that read pages for a language model give both types the same weight.
 */
export function wantsMarkdown(accept: string | undefined): boolean {
  const ranges = readRanges(accept);
  const weight = weightOf(['text/markdown'], ranges);
  return weight > 0 && weight >= weightOf(HTML_RANGES, ranges);
}

function readRanges(accept = '*/*'): readonly MediaRange[] {
  return accept.split(',').map(readRange);
}

/** Reads a media range such as `application/json; charset=utf-8; q=0.5`. An invalid weight counts as 0. */
function readRange(text: string): MediaRange {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
  return { range, weight: /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0 };
}

function weightOf(candidates: readonly string[], ranges: readonly MediaRange[]): number {
  for (const candidate of candidates) {
    const found = ranges.find(({ range }) => range === candidate);
    if (found !== undefined) return found.weight;
  }
  return 0;
}
