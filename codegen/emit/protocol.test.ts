import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as protocol from '../../generated/protocol.ts';
import { checkContract } from '../contract.ts';
import { load } from '../testing/compile.ts';
import { ODD, shopWith } from '../testing/shop.ts';
import { emitProtocol } from './protocol.ts';

type Entries<Value> = Readonly<Record<string, Value>>;

interface Text {
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/**
 * The parts of `asyncapi.yaml` from which the constants are made. The test reads the file itself, without codegen's
 * reader.
 */
interface Yaml {
  readonly info: { readonly version: string };
  readonly channels: Entries<{ readonly address: string; readonly 'x-serves-below'?: true }>;
  readonly operations: Entries<{
    readonly action: string;
    readonly channel: { readonly $ref: string };
    readonly reply?: { readonly messages: readonly { readonly $ref: string }[] };
    readonly messages: readonly { readonly $ref: string }[];
    readonly bindings?: {
      readonly http: { readonly method: string; readonly query?: { readonly properties: Entries<Entries<unknown>> } };
    };
    readonly 'x-before-authentication'?: true;
    readonly 'x-any-origin'?: true;
    readonly 'x-full-scopes'?: readonly string[];
    readonly 'x-scopes'?: readonly string[];
  }>;
  readonly components: {
    readonly messages: Entries<{
      readonly 'x-event'?: string;
      readonly 'x-replay'?: object;
      readonly 'x-filterable'?: object;
      readonly 'x-error-pointers'?: object;
      readonly 'x-ordered'?: true;
    }>;
    readonly schemas: Entries<Text>;
  };
  readonly 'x-subprotocol': string;
  readonly 'x-credential-parameters': readonly string[];
  readonly 'x-errors': Entries<{ readonly retryable: boolean; readonly httpStatus: number; readonly counts?: string }>;
  readonly 'x-close-codes': Entries<{ readonly name: string; readonly class: string }>;
  readonly 'x-limits': Entries<object>;
  readonly 'x-filters': Entries<{ readonly kind: string }>;
  readonly 'x-gap-reasons': Entries<string>;
  readonly 'x-requirements': Entries<object>;
}

const yaml = parse(readFileSync(new URL('../../asyncapi.yaml', import.meta.url), 'utf8'), { merge: true }) as Yaml;
const operations = Object.entries(yaml.operations);
const overSocket = operations.filter(([, { channel }]) => channel.$ref === '#/channels/connection');
const last = (ref: string | undefined): string => ref?.split('/').at(-1) ?? '';
const messages = yaml.components.messages;

/**
 * Keywords of a query parameter that the constants leave out. `items` is not needed, because the items of a list are
 * always strings.
 */
const UNUSED: readonly string[] = ['description', 'items'];

describe('the constants', () => {
  test('name the protocol', () => {
    expect(protocol.PROTOCOL_VERSION).toBe(yaml.info.version);
    expect(protocol.SUBPROTOCOL).toBe(yaml['x-subprotocol']);
    expect(protocol.CREDENTIAL_PARAMETERS).toEqual(yaml['x-credential-parameters']);
    expect(protocol.SUBPROTOCOL).toBe('tidemark.v1');
    expect(protocol.WEBSOCKET_PATH).toBe(yaml.channels['connection']?.address);
  });

  test('have each command with its reply, and each push', () => {
    const commands = overSocket.filter(([, { action }]) => action === 'receive');
    expect(Object.entries(protocol.COMMANDS)).toEqual(
      commands.map(
        ([name, { reply, 'x-scopes': scopes = [], 'x-before-authentication': beforeAuthentication = false }]) => [
          name,
          {
            reply: last(reply?.messages[0]?.$ref),
            scopes,
            beforeAuthentication,
            errorPointers: messages[name]?.['x-error-pointers'] ?? {},
          },
        ],
      ),
    );
    expect(protocol.PUSHES).toEqual(overSocket.filter(([, { action }]) => action === 'send').map(([name]) => name));
  });

  test('have the messages that keep their order among the events', () => {
    const ordered = Object.keys(messages).filter((name) => messages[name]?.['x-ordered'] === true);
    expect(ordered).toContain('synced');
    expect(protocol.ORDERED_MESSAGES).toEqual(ordered);
  });

  test('have a regular expression for each restricted text, which accepts what its schema accepts', () => {
    const ajv = new Ajv();
    const texts = Object.entries(yaml.components.schemas).filter(([, { pattern }]) => pattern !== undefined);
    expect(Object.keys(protocol.PATTERNS)).toEqual(texts.map(([name]) => name));
    for (const [name, { pattern = '', minLength, maxLength }] of texts) {
      const bounds = Object.entries({ minLength, maxLength }).filter(([, bound]) => bound !== undefined);
      const fits = ajv.compile({ type: 'string', pattern, ...Object.fromEntries(bounds) });
      const form: RegExp = protocol.PATTERNS[name as keyof typeof protocol.PATTERNS];
      // fast-check cannot make strings for look-ahead.
      const valid = pattern.includes('(?!') ? fc.string({ maxLength: 8 }) : fc.stringMatching(new RegExp(pattern));
      const judged = fc.oneof(
        valid,
        fc.tuple(valid, fc.string({ unit: 'binary', maxLength: 2 })).map(([a, b]) => a + b),
      );
      fc.assert(
        fc.property(judged, (text) => form.test(text) === fits(text)),
        { numRuns: 100 },
      );
    }
  });

  test('have consistent grammars: every event name is also a pattern', () => {
    const { EventName, EventPattern, Scope } = protocol.PATTERNS;
    for (const name of ['a', 'file_change', 'build.finished', 'a1.b_2.c'])
      expect([EventName.test(name), EventPattern.test(name), EventPattern.test(`${name}*`)]).toEqual([
        true,
        true,
        true,
      ]);
    for (const wrong of ['', 'build.', 'x..y', '.x', '1x', 'X', 'a-b', 'a'.repeat(129)])
      expect([wrong, EventName.test(wrong), EventPattern.test(wrong), Scope.test(`publish:${wrong}`)]).toEqual([
        wrong,
        false,
        false,
        wrong.length > 128,
      ]);
    for (const pattern of ['*', 'entity_*', 'build.*', 'build.f*']) expect(EventPattern.test(pattern)).toBe(true);
    for (const pattern of ['x..*', '.*', '**', 'a*b', '_*']) expect(EventPattern.test(pattern)).toBe(false);
  });

  test('have each HTTP resource with method, path, scopes and the errors of its request', () => {
    const resources = operations.filter((operation) => !overSocket.includes(operation));
    expect(resources.length).toBeGreaterThan(5);
    expect(Object.entries(protocol.HTTP_OPERATIONS)).toEqual(
      resources.map(
        ([
          name,
          {
            bindings,
            channel,
            messages: requests,
            'x-scopes': scopes = [],
            'x-any-origin': anyOrigin = false,
            'x-full-scopes': fullScopes = [],
          },
        ]) => [
          name,
          {
            method: bindings?.http.method,
            path: yaml.channels[last(channel.$ref)]?.address,
            servesBelow: yaml.channels[last(channel.$ref)]?.['x-serves-below'] ?? false,
            anyOrigin,
            fullScopes,
            query: Object.fromEntries(
              Object.entries(bindings?.http.query?.properties ?? {}).map(([key, parameter]) => [
                key,
                Object.fromEntries(Object.entries(parameter).filter(([keyword]) => !UNUSED.includes(keyword))),
              ]),
            ),
            scopes,
            errorPointers: messages[last(requests[0]?.$ref)]?.['x-error-pointers'] ?? {},
          },
        ],
      ),
    );
  });

  test('have each event with its replay policy and its filters, custom events included', () => {
    const events = Object.values(messages).flatMap(
      ({ 'x-event': name, 'x-replay': replay, 'x-filterable': filterable }) =>
        name === undefined ? [] : [[name, { replay, filterable }] as const],
    );
    const known = [...Object.entries(protocol.EVENTS), ['*', protocol.CUSTOM_EVENT] as const];
    expect(known.map(([name, { replay, filterable }]) => [name, { replay, filterable }])).toEqual(events);
    expect(protocol.EVENTS.file_change.enumerated).toEqual({ changeTypes: ['create', 'modify', 'delete', 'rename'] });
  });

  test('have each filter field, each gap reason, each limit and each requirement', () => {
    const kinds = Object.entries(yaml['x-filters']).map(([name, { kind }]) => [name, { kind }]);
    expect(Object.entries(protocol.FILTER_FIELDS)).toEqual(kinds);
    expect(protocol.GAP_REASONS).toEqual(Object.keys(yaml['x-gap-reasons']));
    expect(protocol.LIMITS).toEqual(yaml['x-limits']);
    expect(protocol.CLAUSES).toEqual(yaml['x-requirements']);
  });

  test('have each error with its status', () => {
    const errors = Object.entries(yaml['x-errors']).map(([name, { retryable, httpStatus, counts }]) => [
      name,
      { retryable, httpStatus, ...(counts === undefined ? {} : { counts }) },
    ]);
    expect(Object.entries(protocol.ERRORS)).toEqual(errors);
  });

  test('have each close code with its class; only codes 40xx are not retryable', () => {
    const codes = Object.entries(yaml['x-close-codes']).map(([code, { name, class: kind }]) => [
      name,
      { code: Number(code), class: kind, retryable: !code.startsWith('40') },
    ]);
    expect(Object.entries(protocol.CLOSE_CODES)).toEqual(codes);
  });
});

describe('the constants of another contract', () => {
  test('are read back unchanged, whatever the texts of the contract contain', async () => {
    const contract = checkContract(shopWith(ODD));
    const emitted = await load(emitProtocol(contract));
    expect(Object.keys(emitted).toSorted()).toEqual(Object.keys(protocol).toSorted());
    expect(emitted).toMatchObject({
      SUBPROTOCOL: 'shop.v2',
      PROTOCOL_VERSION: '2.1.0',
      CONTRACT_DIGEST: contract.digest,
      EVENTS: {
        order_placed: { replay: { policy: 'latest-per-key', key: '/payload/id', keySpace: 'order' } },
        order_shipped: { filterable: { tags: ['/payload/lines/tag'] } },
      },
      GAP_REASONS: Object.keys(contract.gapReasons),
      LIMITS: contract.limits,
      CLAUSES: contract.clauses,
    });
  });
});
