/** HTML as text: escaping, the little Markdown that descriptions use, and JSON in colours. */

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Backquotes become code; nothing else is markup. */
export function inline(text: string): string {
  return text
    .trim()
    .split(/(`[^`]+`)/)
    .map((part) => (/^`[^`]+`$/.test(part) ? `<code>${escape(part.slice(1, -1))}</code>` : escape(part)))
    .join('');
}

export function paragraphs(text: string): string {
  const blocks = text.trim().split(/\n{2,}/);
  return blocks.map((block) => `<p>${inline(block.replaceAll('\n', ' '))}</p>`).join('\n');
}

export function link(anchor: string, text: string, kind = ''): string {
  const styled = kind === '' ? '' : ` class="${kind}"`;
  return `<a${styled} href="#${escape(anchor)}">${text}</a>`;
}

/** Like `JSON.stringify(value, undefined, 2)`, but what fits on a line stays on it. */
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
