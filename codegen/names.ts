/**
 * Maps names in a contract to names in code. Every emitter uses these functions, so that a schema has one name in every language;
 * the rule `schema-name` reports schemas that would get the same name.
 */

/** `build_finished`, `build.finished` and `build-finished` → `BuildFinished`; `größe` → `Grosse`; `2nd` → `2Nd`. */
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

/** Names that the generated modules of types use for other purposes, in either language. */
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

/** A name that AsyncAPI allows in `components` and from which a type name can be made. */
export function isSchemaName(text: string): boolean {
  return /^[A-Za-z0-9._-]+$/.test(text) && text !== '__proto__' && typeName(text) !== '';
}

/** The grammar of event names (EVT-4). */
export function isEventName(text: string): boolean {
  return text.length <= 128 && /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*$/.test(text);
}

/** The grammar of filter field names, which become members of objects in every language. */
export function isFieldName(text: string): boolean {
  return /^[a-z][A-Za-z0-9]{0,63}$/.test(text) && !(text in Object.prototype);
}
