/**
 * Maps names in a contract to names in code. Every emitter uses these functions, so that a schema has one name in every language;
 * the rule `schema-name` reports schemas that would get the same name.
 */

/**
 * Makes a type name: `BuildFinished` from `build_finished`, `build.finished` or `build-finished`, `Grosse` from
 * `größe`, `2Nd` from `2nd`.
 */
export function typeName(text: string): string {
  return text
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .split(/[^A-Za-z0-9]+/)
    .map((part) => part.replace(/^[a-z]/, upperCase))
    .join('')
    .replaceAll(/\d[a-z]/g, upperCase);
}

function upperCase(text: string): string {
  return text.toUpperCase();
}

/** Names that the generated type modules use for other purposes, in TypeScript or Python. */
const TAKEN: ReadonlySet<string> = new Set([
  ...['Extract', 'Readonly', 'Record'],
  ...['AnyEvent', 'DeclaredEvent', 'DeclaredEventMessage', 'EventMessage'],
  ...['CommandMessage', 'PushMessage', 'ReplyMessage', 'ServerMessage'],
  ...['CommandDataMap', 'EventMap', 'PayloadMap', 'PushDataMap', 'ReplyDataMap', 'TidemarkContractRoot'],
  ...['False', 'Literal', 'Mapping', 'None', 'NotRequired', 'Sequence', 'True', 'TypedDict', 'Union'],
]);

/** The type of a schema: `order_payload` → `OrderPayload`, `2ndOrder` → `T2NdOrder`, `Record` → `RecordType`. */
export function typeNameOf(schema: string): string {
  const name = typeName(schema);
  if (/^\d/.test(name)) return `T${name}`;
  return TAKEN.has(name) ? `${name}Type` : name;
}

/** Whether AsyncAPI allows the name in `components`, and a type name can be made from it. */
export function isSchemaName(text: string): boolean {
  return /^[A-Za-z0-9._-]+$/.test(text) && text !== '__proto__' && typeName(text) !== '';
}

/** Whether a text is a valid event name (EVT-4). */
export function isEventName(text: string): boolean {
  return text.length <= 128 && /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*$/.test(text);
}

/** Whether a text is a valid name of a filter field. Filter fields become members of objects in every language. */
export function isFieldName(text: string): boolean {
  return /^[a-z][A-Za-z0-9]{0,63}$/.test(text) && !(text in Object.prototype);
}
