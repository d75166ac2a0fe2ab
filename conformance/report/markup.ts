/** Escapes text for XML and HTML. */
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeMarkup(text: string): string {
  // XML 1.0 allows no control characters except tab and line ends.
  return text
    .replaceAll(/\p{Cc}|[\ufffe\uffff]/gu, (each) => ('\t\n\r'.includes(each) ? each : '\ufffd'))
    .replaceAll(/[&<>"']/g, (each) => ESCAPES[each] ?? each);
}
