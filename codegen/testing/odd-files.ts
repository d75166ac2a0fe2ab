/** Contracts in forms that the specification allows but the stock contract does not use. */
import { stringify } from 'yaml';
import { sourceOf } from '../source.ts';
import { SHOP, shopWith } from './shop.ts';
import type { Changes } from './shop.ts';

/** The content of each file by its name: `shop.yaml` and the files beside it. */
export type Files = Readonly<Record<string, string | Buffer>>;

type Json = Record<string, unknown>;

const parsed = (): Json => sourceOf('shop.yaml', SHOP).value as Json;
const yaml = (value: unknown): string => stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });

function at(value: unknown, ...path: readonly string[]): Json {
  return path.reduce<unknown>((parent, key) => (parent as Json)[key], value) as Json;
}

function shop(changes: Changes): string {
  return shopWith(changes).text;
}

/** The shop's contract split into several files. */
function split(): Files {
  const whole = parsed();
  const [schemas, messages] = [at(whole, 'components', 'schemas'), at(whole, 'components', 'messages')];
  const [channels, info] = [at(whole, 'channels'), at(whole, 'info')];
  const { OrderLine, OrderPayload, Position } = schemas;
  const { ping, pong } = messages;
  schemas['OrderLine'] = { $ref: './schemas/order.yaml#/OrderLine' };
  schemas['OrderPayload'] = { $ref: './schemas/order.yaml#/Order%20Payload' };
  schemas['Position'] = { $ref: 'schemas/position.json#/definitions/a~1b~0c' };
  messages['ping'] = { $ref: './messages.yaml#/ping' };
  messages['pong'] = { $ref: './messages.yaml#/list/0' };
  at(channels, 'connection', 'messages')['ping'] = { $ref: 'messages.yaml#/ping' };
  const { health } = channels;
  channels['health'] = { $ref: './channels/health.json' };
  at(whole, 'operations', 'get_health')['channel'] = { $ref: './channels/health.json' };
  at(whole, 'operations', 'get_health')['messages'] = [{ $ref: './channels/health.json#/messages/empty' }];
  const tags = info['tags'];
  info['tags'] = [{ $ref: './tags.yaml#/0' }];
  const back = (value: unknown): string => yaml(value).replaceAll(/(['"])#\/components/g, '$1../shop.yaml#/components');
  return {
    'shop.yaml': yaml(whole),
    'schemas/order.yaml': back({ OrderLine, 'Order Payload': OrderPayload }).replace(
      '../shop.yaml#/components/schemas/OrderLine',
      '#/OrderLine',
    ),
    'schemas/position.json': JSON.stringify({
      $schema: 'http://json-schema.org/draft-07/schema#',
      title: 'Positions',
      definitions: { 'a/b~c': Position },
    }).replaceAll('#/components', '../shop.yaml#/components'),
    'messages.yaml': back({ ping, list: [pong] }).replaceAll('../shop', './shop'),
    'channels/health.json': JSON.stringify(health).replaceAll('#/components', '../shop.yaml#/components'),
    'tags.yaml': yaml(tags),
  };
}

/** The same contract with messages inside channels, and payloads inside messages. */
function inline(): Files {
  const whole = parsed();
  const [schemas, messages] = [at(whole, 'components', 'schemas'), at(whole, 'components', 'messages')];
  for (const name of ['ping', 'pong']) {
    const schema = `${name === 'ping' ? 'Ping' : 'Pong'}Message`;
    at(messages, name)['payload'] =
      name === 'ping'
        ? schemas[schema]
        : { schemaFormat: 'application/vnd.aai.asyncapi+json;version=3.0.0', schema: schemas[schema] };
    delete schemas[schema];
  }
  at(whole, 'channels', 'connection', 'messages')['pong'] = messages['pong'];
  delete messages['pong'];
  return { 'shop.yaml': yaml(whole) };
}

/** The same contract with references to parts that the generated code does not use. */
function around(): Files {
  const whole = parsed();
  whole['servers'] = { main: { $ref: './around.yaml#/server' } };
  at(whole, 'channels', 'connection')['parameters'] = { room: { $ref: './around.yaml#/parameters/room' } };
  at(whole, 'channels', 'connection')['address'] = '/ws/{room}';
  at(whole, 'components')['securitySchemes'] = { key: { $ref: './around.yaml#/key' } };
  at(whole, 'components', 'messages', 'ping')['headers'] = { $ref: './around.yaml#/headers' };
  at(whole, 'components', 'messages', 'ping')['tags'] = [{ $ref: './around.yaml#/tag' }];
  const key = { type: 'userPassword', description: 'A key.' };
  const server = { host: 'shop.example', protocol: 'wss', security: [{ $ref: '#/key' }] };
  const parameters = { room: { description: 'A room.' } };
  return {
    'shop.yaml': yaml(whole),
    'around.yaml': yaml({ key, server, parameters, headers: { type: 'object' }, tag: { name: 'orders' } }),
  };
}

/** The same contract in other forms, with the same digest. */
export const SAME: Readonly<Record<string, Files>> = {
  'YAML with anchors, aliases and merge keys': { 'shop.yaml': SHOP },
  'YAML without': { 'shop.yaml': shop({}) },
  'YAML with a byte order mark and CRLF': { 'shop.yaml': `\uFEFF${SHOP.replaceAll('\n', '\r\n')}` },
  'YAML with a document start and a comment at the end': { 'shop.yaml': `---\n${SHOP}\n# The end.\n...\n` },
  JSON: { 'shop.yaml': JSON.stringify(parsed()) },
  'JSON with tabs': { 'shop.yaml': JSON.stringify(parsed(), undefined, '\t') },
  'separate files for schemas, messages, channels and tags': split(),
};

/** Other valid contracts. */
export const ALLOWED: Readonly<Record<string, Files>> = {
  'AsyncAPI 3.1.0': { 'shop.yaml': shop({ '/asyncapi': '3.1.0' }) },
  'AsyncAPI 3.1.0 as JSON': { 'shop.yaml': JSON.stringify({ ...parsed(), asyncapi: '3.1.0' }) },
  'messages and payloads written where they are used': inline(),
  'servers, parameters, security schemes, headers and tags in a file': around(),
  'a reference to a part of a schema': {
    'shop.yaml': shop({
      '/components/schemas/OrderPayload/properties/first': {
        $ref: '#/components/schemas/OrderLine/properties/tag',
      },
    }),
  },
  'a schema in a file that refers to itself and to its own definitions': {
    'shop.yaml': shop({ '/components/schemas/OrderPayload/properties/tree': { $ref: './tree.schema.json' } }),
    'tree.schema.json': JSON.stringify({
      ...{ $schema: 'https://json-schema.org/draft/2020-12/schema', $id: 'https://shop.example/tree', title: 'A tree' },
      ...{ type: 'object', additionalProperties: false, description: 'A tree.' },
      properties: {
        leaf: { $ref: '#/$defs/leaf' },
        trees: { type: 'array', items: { $ref: '#' }, description: 'Trees.' },
      },
      $defs: { leaf: { type: 'string', description: 'A leaf.' } },
    }),
  },
  'tags by reference': {
    'shop.yaml': shop({
      '/components/tags': { orders: { name: 'orders', description: 'About orders.' } },
      '/info/tags': [{ $ref: '#/components/tags/orders' }],
    }),
  },
};
