/** Text inside XML and HTML. */
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeMarkup(text: string): string {
  // XML 1.0 knows no other control characters than tab and the ends of lines.
  return text
    .replaceAll(/\p{Cc}|[\ufffe\uffff]/gu, (each) => ('\t\n\r'.includes(each) ? each : '\ufffd'))
    .replaceAll(/[&<>"']/g, (each) => ESCAPES[each] ?? each);
}
