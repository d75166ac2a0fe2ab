/** The shop's contract with all unusual names, values and keywords in one payload, and events with unusual names. */
import { stringify } from 'yaml';
import { typeName } from '../names.ts';
import { sourceOf } from '../source.ts';
import { ODD_MEMBERS, ODD_SCHEMAS } from './odd-members.ts';
import { SHOP } from './shop.ts';

export const EVENT_NAMES: readonly string[] = ['constructor', 'class', 'import', 'a.b.c', 'then', 'x_1', 'to_string'];

type Mutable = Record<string, Record<string, unknown>>;

interface Shop {
  readonly components: { readonly schemas: Mutable; readonly messages: Mutable };
  readonly channels: { readonly connection: { readonly messages: Record<string, unknown> } };
  readonly operations: { readonly event: { readonly messages: unknown[] } };
}

/** The text of the contract. */
export function oddContract(): string {
  const shop = sourceOf('shop.yaml', SHOP).value as Shop;
  const { schemas } = shop.components;
  Object.assign(schemas, ODD_SCHEMAS);
  const properties = schemas['OrderPayload']?.['properties'] as Record<string, unknown>;
  for (const { name, schema } of ODD_MEMBERS) properties[name] = schema;
  for (const name of EVENT_NAMES) addEvent(shop, name);
  return stringify(shop, { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** A copy of the shop's event under another name. */
function addEvent({ components: { schemas, messages }, channels, operations }: Shop, name: string): void {
  const type = typeName(name);
  const ref = (schema: string): object => ({ $ref: `#/components/schemas/${schema}` });
  const properties = (schema: string): object => schemas[schema]?.['properties'] ?? {};
  schemas[`${type}Happened`] = {
    ...schemas['OrderShippedEvent'],
    properties: {
      ...properties('OrderShippedEvent'),
      event: { type: 'string', const: name, description: 'Its name.' },
    },
  };
  schemas[`${type}HappenedMessage`] = {
    ...schemas['OrderShippedEventMessage'],
    properties: { ...properties('OrderShippedEventMessage'), data: ref(`${type}Happened`) },
  };
  const shipped = messages['order_shipped'] ?? {};
  const examples = JSON.parse(JSON.stringify(shipped['examples']).replaceAll('order_shipped', name)) as unknown;
  messages[name] = { ...shipped, name, payload: ref(`${type}HappenedMessage`), 'x-event': name, examples };
  channels.connection.messages[name] = { $ref: `#/components/messages/${name}` };
  operations.event.messages.push({ $ref: `#/channels/connection/messages/${name}` });
}
