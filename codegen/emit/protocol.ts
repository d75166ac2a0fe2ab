/** Emits `protocol.ts`: the names, codes, limits and policies of the contract as constants, and the types of their names. */
import type { Contract, Event, Schema } from '../model.ts';
import { banner, doc, key, literal, quote, union } from './text.ts';

export function emitProtocol(contract: Contract): string {
  return [
    banner('Names, codes, limits and policies of the protocol.'),
    emitIdentity(contract),
    emitPatterns(contract),
    emitOperations(contract),
    emitEvents(contract),
    emitCodes(contract),
    emitLimits(contract),
    emitListBounds(contract),
    emitClauses(contract),
  ].join('\n');
}

function constant(name: string, text: string, value: string): string {
  return `${doc(text)}\nexport const ${name} = ${value};\n`;
}

function list(name: string, text: string, items: readonly string[]): string {
  return constant(name, text, `[\n${items.map((item) => `  ${quote(item)},\n`).join('')}] as const`);
}

/** A map with one entry per line. Without `type`, the map is written `as const`, which keeps its literal types. */
function table<Value>(
  name: string,
  text: string,
  entries: Readonly<Record<string, Value>>,
  write: (value: Value) => unknown,
  type?: string,
): string {
  const lines = Object.entries(entries).map(([entry, value]) => `  ${key(entry)}: ${literal(write(value))},\n`);
  const head = type === undefined ? `export const ${name} = {` : `export const ${name}: ${type} = {`;
  return `${doc(text)}\n${head}\n${lines.join('')}}${type === undefined ? ' as const' : ''};\n`;
}

function names(type: string, text: string, members: readonly string[]): string {
  return union(type, members.map(quote), text);
}

function emitIdentity(contract: Contract): string {
  return [
    constant('PROTOCOL_VERSION', 'The version of the contract.', quote(contract.version)),
    constant('SUBPROTOCOL', 'The WebSocket subprotocol (CON-1).', quote(contract.subprotocol)),
    constant(
      'CONTRACT_DIGEST',
      'SHA-256 of the bytes of `contract.json`, as in `welcome.contractDigest` (CON-2).',
      quote(contract.digest),
    ),
    constant('WEBSOCKET_PATH', 'The path on which the gateway accepts WebSocket connections.', quote(contract.path)),
    list(
      'CREDENTIAL_PARAMETERS',
      'Query parameters for credentials, in lower case. Requests that use them are refused (SEC-2).',
      contract.credentialParameters,
    ),
  ].join('\n');
}

/** One regular expression for the pattern of a schema and its length limits, in characters. */
function patternOf({ pattern = '', minLength, maxLength }: Schema): string {
  if (minLength === undefined && maxLength === undefined) return String(new RegExp(pattern, 'u'));
  const length = `^(?=[^]{${minLength ?? 0},${maxLength ?? ''}}$)`;
  return String(new RegExp(`${length}${isAnchored(pattern) ? pattern : `(?=[^]*?(?:${pattern}))`}`, 'u'));
}

/** Whether the pattern matches only from the start of the text. */
function isAnchored(pattern: string): boolean {
  let outside = pattern.replaceAll(/\\[^]|\[(?:\\[^]|[^\]\\])*\]/g, '');
  for (let before = ''; before !== outside;) {
    before = outside;
    outside = outside.replaceAll(/\([^()]*\)/g, '');
  }
  return pattern.startsWith('^') && !outside.includes('|');
}

function emitPatterns({ schemas }: Contract): string {
  const texts = Object.entries(schemas).filter(([, { pattern }]) => pattern !== undefined);
  const lines = texts.map(([name, schema]) => `  ${key(name)}: ${patternOf(schema)},\n`);
  return `${doc('Regular expressions for strings of a restricted form, by the name of the schema. They also check the length.')}
export const PATTERNS = {
${lines.join('')}} as const satisfies Readonly<Record<string, RegExp>>;
`;
}

/** The type, bounds and default of each query parameter, by its name. */
function queryOf(query: Schema | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query?.properties ?? {}).map(([name, { type, minimum, maximum, default: value }]) => [
      name,
      { type, minimum, maximum, default: value },
    ]),
  );
}

function emitOperations(contract: Contract): string {
  const { commands, pushes, http, messages } = contract;
  const byName = Object.fromEntries(commands.map((command) => [command.name, command]));
  const resources = Object.fromEntries(http.map((operation) => [operation.name, operation]));
  return [
    names(
      'CommandName',
      'The commands that a client can send.',
      commands.map(({ name }) => name),
    ),
    table(
      'COMMANDS',
      'Each command: its success reply, the scopes that it needs (SEC-1), and whether it may be sent before `authenticate` (SEC-2). `errorPointers`: the error codes of invalid values, by pointer, if not `invalid_message`.',
      byName,
      ({ name, reply, scopes, beforeAuthentication }) => ({
        reply,
        scopes,
        beforeAuthentication,
        errorPointers: messages[name]?.errorPointers ?? {},
      }),
    ),
    list(
      'PUSHES',
      'The messages that the server sends without a command.',
      pushes.map(({ name }) => name),
    ),
    'export type PushName = (typeof PUSHES)[number];\n',
    list(
      'ORDERED_MESSAGES',
      'Replies and pushes that keep their order among the events; all others may overtake queued events (BCK-3).',
      Object.values(messages)
        .filter(({ ordered }) => ordered)
        .map(({ name }) => name),
    ),
    table(
      'HTTP_OPERATIONS',
      'The HTTP resources (OPS-0), with the scopes that each needs (SEC-1). `servesBelow`: the resource also includes every address below the path. `anyOrigin`: pages of every origin may read the response (SEC-4). `fullScopes`: without these scopes the response is a summary.',
      resources,
      ({ method, path, servesBelow, anyOrigin, fullScopes, query, scopes, request }) => ({
        method,
        path,
        servesBelow,
        anyOrigin,
        fullScopes,
        query: queryOf(query),
        scopes,
        errorPointers: messages[request]?.errorPointers ?? {},
      }),
    ),
    'export type HttpOperationName = keyof typeof HTTP_OPERATIONS;\n',
  ].join('\n');
}

function eventSpec({ replay, filterable, enumerated, stream }: Event): unknown {
  const { policy, key: pointer, keySpace, clears } = replay;
  return { replay: { policy, key: pointer, keySpace, clears }, filterable, enumerated, stream };
}

function emitEvents({ events, customEvent, filters, replayPolicies }: Contract): string {
  return [
    names(
      'EventName',
      'The declared events. Any other name is a custom event (EVT-4).',
      events.map(({ name }) => name),
    ),
    names('ReplayPolicy', 'Which events of one name a warm replay contains (RPL-3).', Object.keys(replayPolicies)),
    names('FilterField', 'Fields of a filter (SUB-4).', Object.keys(filters)),
    [
      'export interface ReplaySpec {',
      '  readonly policy: ReplayPolicy;',
      doc('Pointer to the key in `data` of the event; only with `latest-per-key`.', '  '),
      '  readonly key?: string;',
      doc('Events with the same key space and the same key replace one another, even if their names differ.', '  '),
      '  readonly keySpace?: string;',
      doc('The event removes its key from warm replays, and is itself not replayed.', '  '),
      '  readonly clears?: true;',
      '}\n',
    ].join('\n'),
    [
      'export interface EventSpec {',
      '  readonly replay: ReplaySpec;',
      doc(
        'For each filter field that applies to the event, pointers into its `data`. If a pointer leads to an array, any of its elements may match.',
        '  ',
      ),
      '  readonly filterable: { readonly [Field in FilterField]?: readonly string[] };',
      doc(
        'The possible values of each filter field in this event. A field is absent if the event can have any value there.',
        '  ',
      ),
      '  readonly enumerated: { readonly [Field in FilterField]?: readonly string[] };',
      doc(
        'The only stream on which the event may be published. Its name is the kind, a colon and an id; `id` is a pointer to this id in `data` of the event (STR-5).',
        '  ',
      ),
      "  readonly stream?: { readonly kind: 'session' | 'workspace'; readonly id: string };",
      '}\n',
    ].join('\n'),
    table(
      'EVENTS',
      'How each declared event is replayed and filtered.',
      Object.fromEntries(events.map((event) => [event.name, event])),
      eventSpec,
      '{ readonly [Name in EventName]: EventSpec }',
    ),
    constant(
      'CUSTOM_EVENT: EventSpec',
      'How every event that the contract does not declare is replayed and filtered.',
      literal(eventSpec(customEvent)),
    ),
    table(
      'FILTER_FIELDS',
      'How the values of a field are compared (SUB-5).',
      filters,
      ({ kind }) => ({ kind }),
      "{ readonly [Field in FilterField]: { readonly kind: 'path' | 'extension' | 'exact' } }",
    ),
  ].join('\n');
}

/** The only class of close codes after which a client must not reconnect. */
const FINAL_CLASS = 'do-not-retry';

function emitCodes({ closeCodes, closeClasses, errors, gapReasons }: Contract): string {
  const byName = Object.fromEntries(
    Object.entries(closeCodes).map(([code, spec]) => [
      spec.name,
      { code: Number(code), class: spec.class, retryable: spec.class !== FINAL_CLASS },
    ]),
  );
  return [
    names('CloseClass', 'What a client must do after a close code (CON-6).', Object.keys(closeClasses)),
    names('CloseName', 'The close codes by name.', Object.keys(byName)),
    table(
      'CLOSE_CODES',
      'The close codes (CON-6).',
      byName,
      (spec) => spec,
      '{ readonly [Name in CloseName]: { readonly code: number; readonly class: CloseClass; readonly retryable: boolean } }',
    ),
    names('ErrorCode', 'The codes of errors (ERR-1).', Object.keys(errors)),
    table(
      'ERRORS',
      'For each error: whether a retry can succeed, its status over HTTP (OPS-0), and whether it counts as a bad message (ERR-2).',
      errors,
      ({ retryable, httpStatus, counts }) => ({ retryable, httpStatus, counts }),
      "{ readonly [Code in ErrorCode]: { readonly retryable: boolean; readonly httpStatus: number; readonly counts?: 'bad-message' } }",
    ),
    list('GAP_REASONS', 'The reasons of gaps (GAP-1).', Object.keys(gapReasons)),
    'export type GapReason = (typeof GAP_REASONS)[number];\n',
  ].join('\n');
}

function emitLimits({ limits }: Contract): string {
  return [
    names('LimitName', 'The names of the limits.', Object.keys(limits)),
    'export interface LimitSpec {\n  readonly default: number;\n  readonly unit: string;\n  readonly minimum: number;\n  readonly maximum: number;\n  readonly description: string;\n}\n',
    table(
      'LIMITS',
      'The limits: the default of each, and the range in which it can be configured.',
      limits,
      ({ default: value, ...rest }) => ({ default: value, ...rest }),
      '{ readonly [Name in LimitName]: LimitSpec }',
    ),
  ].join('\n');
}

/** The maximum lengths of lists. A server must not send longer lists. */
function emitListBounds({ schemas }: Contract): string {
  const bounds = Object.entries(schemas).flatMap(([name, { properties = {} }]) => {
    const lists = Object.entries(properties).flatMap(([member, { maxItems }]) =>
      maxItems === undefined ? [] : [[member, maxItems] as const],
    );
    return lists.length === 0 ? [] : [[name, Object.fromEntries(lists)] as const];
  });
  return table(
    'MAX_ITEMS',
    'The maximum number of items of each list, by the name of its schema and member.',
    Object.fromEntries(bounds),
    (each) => each,
  );
}

function emitClauses({ clauses }: Contract): string {
  return [
    table(
      'CLAUSES',
      'The requirements of the protocol. Their ids are never reused or renumbered.',
      clauses,
      ({ level, observable, text }) => ({ level, observable, text }),
    ),
    'export type ClauseId = keyof typeof CLAUSES;\n',
  ].join('\n');
}
