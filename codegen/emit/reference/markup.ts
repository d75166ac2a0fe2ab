/** Builds HTML strings: escaping, the subset of Markdown that descriptions use, and highlighted JSON. */

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export function code(text: string): string {
  return `<code>${escape(text)}</code>`;
}

/**
 * The extensions of the contract that are chapters of the reference. This is a `Map`, because `__proto__` has a special
 * meaning in an object.
 */
const CHAPTERS: ReadonlyMap<string, string> = new Map([
  ['x-close-codes', 'close-codes'],
  ['x-errors', 'errors'],
  ['x-filters', 'filters'],
  ['x-gap-reasons', 'gap-reasons'],
  ['x-limits', 'limits'],
  ['x-replay-policies', 'replay-policies'],
  ['x-requirements', 'clauses'],
  ['x-scopes', 'scopes'],
]);

/** Text in backquotes becomes code, or a link if it names a chapter; nothing else is markup. */
export function inline(text: string): string {
  return text
    .trim()
    .split(/(`[^`]+`)/)
    .map((part) => (/^`[^`]+`$/.test(part) ? codeOrLink(part.slice(1, -1)) : escape(part)))
    .join('');
}

function codeOrLink(text: string): string {
  const chapter = CHAPTERS.get(text);
  return chapter === undefined ? code(text) : link(chapter, code(text));
}

export function paragraphs(text: string): string {
  const blocks = text
    .trim()
    .split(/\n{2,}/)
    .filter((block) => block !== '');
  return blocks.map((block) => `<p>${inline(block.replaceAll('\n', ' '))}</p>`).join('\n');
}

/** @param html content of the link */
export function link(anchor: string, html: string): string {
  return `<a href="#${escape(anchor)}">${html}</a>`;
}

/** Like `JSON.stringify(value, undefined, 2)`, but short values stay on one line. */
export function prettyJson(value: unknown, indent = '', width = 72): string {
  const short = oneLine(value);
  if (typeof value !== 'object' || value === null || short.length + indent.length <= width) return short;
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((item) => `${inner}${prettyJson(item, inner, width)}`)
    : Object.entries(value).map(
        ([key, member]) => `${inner}${JSON.stringify(key)}: ${prettyJson(member, inner, width)}`,
      );
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return `${open}\n${parts.join(',\n')}\n${indent}${close}`;
}

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${oneLine(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)/g;

export function colourJson(text: string): string {
  let end = 0;
  let html = '';
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon, number] = match;
    html += escape(text.slice(end, match.index));
    if (string !== undefined)
      html += `<span class="${colon === undefined ? 's' : 'k'}">${escape(string)}</span>${colon ?? ''}`;
    else html += `<span class="${number === undefined ? 'w' : 'n'}">${whole}</span>`;
    end = match.index + whole.length;
  }
  return html + escape(text.slice(end));
}
