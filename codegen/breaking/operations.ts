/** Compares commands, pushes and HTTP operations: their names, addresses and messages. */
import { staysWithin } from './change.ts';
import type { ContractView, MessageView, OperationView } from './contract-view.ts';
import { compareFacts } from './facts.ts';
import type { Direction, Draft, Findings, Use } from './finding.ts';
import { objectAt, textAt, union, valueAt } from './json.ts';
import type { Path } from './json.ts';
import { breaking, compatible } from './judgement.ts';
import type { Judgement } from './judgement.ts';
import type { Place } from './schema-document.ts';
import type { SchemaRelation } from './schema-relation.ts';

export interface Versions {
  readonly was: ContractView;
  readonly now: ContractView;
  readonly relation: SchemaRelation;
  readonly findings: Findings;
}

export function compareOperations(versions: Versions): void {
  const { was, now, findings } = versions;
  for (const name of union(was.operations.keys(), now.operations.keys())) {
    const [before, after] = [was.operations.get(name), now.operations.get(name)];
    if (before !== undefined && after !== undefined) compareOperation(versions, before, after);
    else if (before !== undefined) findings.add(removed(before), name);
    else if (after !== undefined) findings.add(added(after), name);
  }
}

const WORDS = { command: 'command', push: 'push', http: 'HTTP operation' } as const;

function removed({ name, kind, path, raw }: OperationView): Draft {
  return {
    rule: `${kind}-removed`,
    severity: 'breaking',
    direction: kind === 'push' ? 'server-to-client' : 'client-to-server',
    was: { path, value: raw['action'] },
    now: { path: ['operations'], value: undefined },
    summary: `the ${WORDS[kind]} ${name} was removed`,
    reason:
      kind === 'push'
        ? 'Clients of the old contract may wait for this push, but the new server never sends it.'
        : 'Clients of the old contract may use this operation, but the new server does not know it.',
  };
}

function added({ name, kind, path, raw }: OperationView): Draft {
  return {
    rule: `${kind}-added`,
    severity: 'compatible',
    direction: kind === 'push' ? 'server-to-client' : 'client-to-server',
    was: { path: ['operations'], value: undefined },
    now: { path, value: raw['action'] },
    summary: `the ${WORDS[kind]} ${name} was added`,
    reason:
      kind === 'push'
        ? 'Clients ignore unknown push types (ENV-4).'
        : 'Clients of the old contract do not use this operation.',
  };
}

function compareOperation(versions: Versions, before: OperationView, after: OperationView): void {
  const { name } = after;
  if (before.kind !== after.kind) {
    versions.findings.add(
      {
        rule: 'operation-moved',
        severity: 'breaking',
        direction: 'client-to-server',
        was: { path: before.path, value: before.kind },
        now: { path: after.path, value: after.kind },
        summary: `${name} was a ${WORDS[before.kind]} and is a ${WORDS[after.kind]}`,
        reason: 'Clients of the old contract still use it as the old kind of operation.',
      },
      name,
    );
    return;
  }
  compareFacts(versions.findings, { before, after, by: name });
  if (after.kind === 'http') compareHttp(versions, before, after);
  else if (after.kind === 'command') compareCommand(versions, before, after);
  else comparePush(versions, before, after);
}

function compareCommand(versions: Versions, before: OperationView, after: OperationView): void {
  const use: Use = { by: after.name, direction: 'client-to-server', envelope: true };
  relateByName(versions, before.messages, after.messages, use, COMMAND_MESSAGE);
  const reply: Use = { by: after.name, direction: 'server-to-client', envelope: true };
  relateByName(versions, before.replies, after.replies, reply, {
    removed: (message) => replyRemoved(before, after, message),
    added: (message) => replyAdded(before, after, message),
  });
}

/**
 * Compares the messages of a push, except events, which are compared elsewhere. A message whose reference does not resolve
 * counts as missing.
 */
function comparePush(versions: Versions, before: OperationView, after: OperationView): void {
  const isOther = ({ raw }: MessageView): boolean => raw['x-event'] === undefined && raw['payload'] !== undefined;
  const use: Use = { by: after.name, direction: 'server-to-client', envelope: true };
  relateByName(versions, before.messages.filter(isOther), after.messages.filter(isOther), use, PUSH_MESSAGE);
}

interface Unpaired {
  readonly removed: (message: MessageView) => Draft;
  readonly added: (message: MessageView) => Draft;
}

const RENAMED = breaking('Clients of the old contract know the message under another name.');

/**
 * The findings for a message of a command that only one version has. Each command has one message, so this message was
 * renamed.
 */
const COMMAND_MESSAGE = missing('command-message', 'client-to-server', { removed: RENAMED, added: RENAMED });

/** The findings for a message of a push that only one version has. Each push except `event` has one message. */
const PUSH_MESSAGE = missing('push-message', 'server-to-client', {
  removed: RENAMED,
  added: compatible('Clients ignore unknown push types (ENV-4).'),
});

function missing(
  rule: string,
  direction: Direction,
  judgements: Readonly<Record<'removed' | 'added', Judgement>>,
): Unpaired {
  const draft = ({ name, path }: MessageView, verb: 'removed' | 'added'): Draft => ({
    ...judgements[verb],
    rule: `${rule}-${verb}`,
    direction,
    was: { path, value: verb === 'removed' ? name : undefined },
    now: { path, value: verb === 'added' ? name : undefined },
    summary: `the message ${name} was ${verb}`,
  });
  return { removed: (message) => draft(message, 'removed'), added: (message) => draft(message, 'added') };
}

function replyRemoved(before: OperationView, after: OperationView, { name }: MessageView): Draft {
  return {
    rule: 'reply-removed',
    severity: 'compatible',
    direction: 'server-to-client',
    was: { path: [...before.path, 'reply', 'messages'], value: name },
    now: { path: [...after.path, 'reply', 'messages'], value: undefined },
    summary: `${after.name} no longer has the reply ${name}`,
    reason: 'The new server no longer sends this reply. Clients of the old contract already handle the other replies.',
  };
}

function replyAdded(before: OperationView, after: OperationView, { name }: MessageView): Draft {
  return {
    rule: 'reply-added',
    severity: 'breaking',
    direction: 'server-to-client',
    was: { path: [...before.path, 'reply', 'messages'], value: undefined },
    now: { path: [...after.path, 'reply', 'messages'], value: name },
    summary: `${after.name} now has the reply ${name}`,
    reason: 'Clients of the old contract do not know this reply, and keep waiting for a reply that they know.',
  };
}

function relateByName(
  versions: Versions,
  before: readonly MessageView[],
  after: readonly MessageView[],
  use: Use,
  unpaired: Unpaired,
): void {
  const find = (list: readonly MessageView[], name: string): MessageView | undefined =>
    list.find((each) => each.name === name);
  for (const name of union(
    before.map((each) => each.name),
    after.map((each) => each.name),
  )) {
    const [a, b] = [find(before, name), find(after, name)];
    if (a !== undefined && b !== undefined) relateMessages(versions, a, b, use);
    else if (a !== undefined) versions.findings.add(unpaired.removed(a), use.by);
    else if (b !== undefined) versions.findings.add(unpaired.added(b), use.by);
  }
}

export function relateMessages(versions: Versions, before: MessageView, after: MessageView, use: Use): void {
  compareFacts(versions.findings, { before, after, by: use.by });
  relatePlaces(versions, before.payload, after.payload, use);
}

export function relatePlaces({ relation, was, now, findings }: Versions, before: Place, after: Place, use: Use): void {
  const top = {
    was: was.schemas.resolve(before)?.path ?? before.path,
    now: now.schemas.resolve(after)?.path ?? after.path,
  };
  findings.addChanges(relation.relate(before, after), use, top);
}

function compareHttp(versions: Versions, before: OperationView, after: OperationView): void {
  const { findings } = versions;
  for (const [rule, at] of HTTP_PLACES) {
    const [was, now] = [at(before), at(after)];
    if (was.value === now.value) continue;
    findings.add(
      {
        rule,
        severity: 'breaking',
        direction: 'client-to-server',
        was,
        now,
        summary: `${after.name} changed from ${String(was.value)} to ${String(now.value)}`,
        reason: 'Clients of the old contract send requests with the old method to the old address.',
      },
      after.name,
    );
  }
  relatePlaces(versions, queryOf(before), queryOf(after), {
    by: `${after.name} (query)`,
    direction: 'client-to-server',
  });
  const request: Use = { by: `${after.name} (request)`, direction: 'client-to-server' };
  relateBodies(versions, { before: before.messages, after: after.messages, use: request, operations: [before, after] });
  const response: Use = { by: `${after.name} (response)`, direction: 'server-to-client' };
  relateBodies(versions, { before: before.replies, after: after.replies, use: response, operations: [before, after] });
}

const HTTP_PLACES: readonly (readonly [string, (operation: OperationView) => { path: Path; value: unknown }])[] = [
  [
    'method-changed',
    ({ path, raw }) => ({
      path: [...path, 'bindings', 'http', 'method'],
      value: valueAt(raw, ['bindings', 'http', 'method']) ?? 'GET',
    }),
  ],
  ['address-changed', ({ channel }) => ({ path: [...channel.path, 'address'], value: textAt(channel.raw, 'address') })],
];

/** The schema of the query parameters. Without a schema, no parameter is allowed. */
function queryOf({ path, raw }: OperationView): Place {
  const query = objectAt(raw, 'bindings', 'http')['query'];
  const place = [...path, 'bindings', 'http', 'query'];
  return {
    schema:
      query === undefined ? { type: 'object', additionalProperties: false } : (query as object as Place['schema']),
    path: query === undefined ? path : place,
  };
}

interface Bodies {
  readonly before: readonly MessageView[];
  readonly after: readonly MessageView[];
  readonly use: Use;
  readonly operations: readonly [OperationView, OperationView];
}

/**
 * Compares the bodies of an HTTP operation. Messages with the same name are compared with each other. But the names are
 * not sent. So a new response is a finding only if no response of the old version allows all values of the new response.
 */
function relateBodies(versions: Versions, { before, after, use, operations }: Bodies): void {
  const [left, right] = [new Set(before), new Set(after)];
  for (const a of before) {
    const b = after.find(({ name }) => name === a.name) ?? (before.length === 1 ? after[0] : undefined);
    if (b === undefined || !right.has(b)) continue;
    left.delete(a);
    right.delete(b);
    relateMessages(versions, a, b, use);
  }
  const isRequest = use.direction === 'client-to-server';
  for (const a of left) {
    versions.findings.add((isRequest ? requestRemoved : replyRemoved)(...operations, a), use.by);
  }
  for (const b of right) {
    const isKnown = before.some((a) => staysWithin(versions.relation.relate(a.payload, b.payload)));
    if (!isRequest && !isKnown) versions.findings.add(replyAdded(...operations, b), use.by);
  }
}

function requestRemoved(before: OperationView, after: OperationView, { name }: MessageView): Draft {
  return {
    rule: 'request-removed',
    severity: 'breaking',
    direction: 'client-to-server',
    was: { path: [...before.path, 'messages'], value: name },
    now: { path: [...after.path, 'messages'], value: undefined },
    summary: `${after.name} no longer accepts ${name}`,
    reason: 'The new server refuses a message that clients of the old contract may send.',
  };
}
