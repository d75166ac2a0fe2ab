/** From the names of events and files to the names of types. */

/** `build_finished`, `build.finished` and `build-finished` → `BuildFinished`. */
export function typeName(text: string): string {
  return text
    .split(/[^A-Za-z0-9]+/)
    .filter((part) => part !== '')
    .map((part) => `${part[0]?.toUpperCase() ?? ''}${part.slice(1)}`)
    .join('');
}

export function isTypeName(text: string): boolean {
  return /^[A-Za-z]\w*$/.test(text);
}

/** The grammar of event names (EVT-4). */
export function isEventName(text: string): boolean {
  return text.length <= 128 && /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*$/.test(text);
}

/** A filter field is a member of an object in every language. */
export function isFieldName(text: string): boolean {
  return /^[a-z][A-Za-z0-9]{0,63}$/.test(text) && !(text in Object.prototype);
}
