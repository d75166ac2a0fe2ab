/** Whether a selector, a stream name or a prefix followed by `*`, covers a stream. */
export function coversStream(selector: string, stream: string): boolean {
  return selector.endsWith('*') ? stream.startsWith(selector.slice(0, -1)) : selector === stream;
}
