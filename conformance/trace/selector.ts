/** Whether a name, or a beginning of names followed by `*`, covers a stream. */
export function coversStream(selector: string, stream: string): boolean {
  return selector.endsWith('*') ? stream.startsWith(selector.slice(0, -1)) : selector === stream;
}
