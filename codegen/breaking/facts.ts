/**
 * Compares the facts of operations, channels and messages: their members that are not schemas, such as scopes and bindings. A change of an
 * unknown member is reported as undecided, so that no new member is silently ignored.
 */
import type { Direction, Draft, Findings } from './finding.ts';
import { show, sideOf } from './change.ts';
import type { Side } from './change.ts';
import type { JsonObject, Path } from './json.ts';
import { equal, isObject, textsOf, union } from './json.ts';
import { breaking, compatible, undecided } from './judgement.ts';
import type { Directed, Judgement } from './judgement.ts';
import { listOf } from './schema-document.ts';

interface Part {
  readonly path: Path;
  readonly raw: JsonObject;
  readonly defaults?: Readonly<Record<string, Side>>;
  readonly channel?: Part;
}

interface Pair {
  readonly before: Part;
  readonly after: Part;
  readonly by: string;
}

/** The values of a fact in both versions. A value is undefined if its version does not have the fact. */
interface Fact {
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
}

type Verdict = Directed & Pick<Draft, 'rule' | 'summary'>;

type Judge = (fact: Fact) => readonly Verdict[];

const IGNORED: ReadonlySet<string> = new Set([
  // Members that are not compared here: text for people, and facts that are compared elsewhere.
  'name',
  'title',
  'summary',
  'description',
  'tags',
  'externalDocs',
  'examples',
  'payload',
  'messages',
  'reply',
  'channel',
  'action',
  'address',
  'x-requirements',
  'x-event',
  'x-payload',
  'x-replay',
  'x-filterable',
]);

export function compareFacts(findings: Findings, { before, after, by }: Pair): void {
  for (const key of union(keysOf(before), keysOf(after))) {
    if (IGNORED.has(key)) continue;
    const [was, now] = [factOf(before, key), factOf(after, key)];
    const fact = { key, before: was.value, after: now.value };
    const [a, b] =
      key === 'bindings' ? [otherBindings(fact.before), otherBindings(fact.after)] : [fact.before, fact.after];
    if (equal(a, b)) continue;
    for (const verdict of (JUDGES[key] ?? unknownFact)(fact)) findings.add({ ...verdict, was, now }, by);
  }
  const [old, next] = [before.channel, after.channel];
  if (old !== undefined && next !== undefined) compareFacts(findings, { before: old, after: next, by });
}

function keysOf({ raw, defaults = {} }: Part): string[] {
  return [...Object.keys(raw), ...Object.keys(defaults)];
}

/** The value of a fact and its place: that of the part itself, or else the default of the document. */
function factOf({ path, raw, defaults = {} }: Part, key: string): Side {
  const own = sideOf({ schema: raw, path }, key);
  return own.value === undefined ? (defaults[key] ?? own) : own;
}

/**
 * Removes the parts of bindings that are not compared here: HTTP methods and queries, which are compared elsewhere, and
 * the version of a binding, which does not affect the protocol.
 */
function otherBindings(value: unknown): unknown {
  if (!isObject(value)) return value;
  const http = isObject(value['http']) ? value['http'] : {};
  const { method: _method, query: _query, bindingVersion: _version, ...rest } = http;
  const ws = isObject(value['ws']) ? value['ws'] : {};
  const { bindingVersion: _other, ...others } = ws;
  return { ...value, http: rest, ws: others };
}

function unknownFact({ key, before, after }: Fact): readonly Verdict[] {
  return [
    {
      ...undecided(
        'The effect of this change on clients of the old contract cannot be determined, so the change counts as breaking.',
      ),
      rule: 'fact-undecided',
      direction: 'server-to-client',
      summary: `${key} changed from ${show(before)} to ${show(after)}`,
    },
  ];
}

/** Returns the function that compares a fact whose value is `true` or absent. */
function flag(rule: string, direction: Direction, judgements: Readonly<Record<'added' | 'removed', Judgement>>): Judge {
  return ({ key, after }) => {
    const verb = after === true ? 'added' : 'removed';
    return [{ ...judgements[verb], rule: `${rule}-${verb}`, direction, summary: `${key} was ${verb}` }];
  };
}

/** A kind of scope: `rule` begins the names of its rules, and `subject` begins the summary of a scope. */
interface ScopeKind {
  readonly rule: string;
  readonly subject: string;
  readonly required: Judgement;
  readonly notRequired: Judgement;
}

/** Makes the comparison of a list of scopes that are all required. */
function scopes({ rule, subject, required, notRequired }: ScopeKind): Judge {
  return ({ before, after }) => {
    const [old, next] = [textsOf(before), textsOf(after)];
    return [
      ...next
        .filter((scope) => !old.includes(scope))
        .map((scope): Verdict => ({
          ...required,
          rule: `${rule}-required`,
          direction: 'client-to-server',
          summary: `${subject} ${scope} is now required`,
        })),
      ...old
        .filter((scope) => !next.includes(scope))
        .map((scope): Verdict => ({
          ...notRequired,
          rule: `${rule}-not-required`,
          direction: 'client-to-server',
          summary: `${subject} ${scope} is no longer required`,
        })),
    ];
  };
}

const errorPointers: Judge = ({ before, after }) => {
  const [old, next] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
  return union(Object.keys(old), Object.keys(next))
    .filter((pointer) => codeOf(old[pointer]) !== codeOf(next[pointer]))
    .map((pointer) => ({
      ...breaking('Clients of the old contract that handle the old code no longer receive it.'),
      rule: 'error-pointer-changed',
      direction: 'server-to-client',
      summary: `an invalid value at ${pointer} gets the error ${codeOf(next[pointer])} instead of ${codeOf(old[pointer])}`,
    }));
};

function codeOf(code: unknown): string {
  return typeof code === 'string' ? code : 'invalid_message';
}

/** The three ways in which a fact that may have any value can differ. */
type Verb = 'added' | 'removed' | 'changed';

/** Makes the comparison of a fact that may have any value, such as a content type. */
function valueFact(rule: string, direction: Direction, judgements: Readonly<Record<Verb, Judgement>>): Judge {
  return ({ key, before, after }) => {
    const verb = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
    return [{ ...judgements[verb], rule: `${rule}-${verb}`, direction, summary: `${key} was ${verb}` }];
  };
}

const PERMITTED = compatible('Every client that was permitted is still permitted.');

/** Compares lists of credentials. A client needs one of them; without a list, or with an empty one, it needs none. */
const security: Judge = ({ before, after }) => {
  const [old, next] = [listOf(before), listOf(after)];
  const verdict = (rule: string, judgement: Judgement, summary: string): Verdict => ({
    ...judgement,
    rule,
    direction: 'client-to-server',
    summary,
  });
  if (old.length === 0 && next.length === 0) return [];
  if (next.length === 0) return [verdict('security-removed', PERMITTED, 'no credential is required any more')];
  if (old.length === 0) {
    const reason = 'Clients of the old contract may send no credential, and are then refused.';
    return [verdict('security-added', breaking(reason), 'a credential is now required')];
  }
  const missingFrom = (list: readonly unknown[]) => (each: unknown) => !list.some((other) => equal(each, other));
  return [
    ...next
      .filter(missingFrom(old))
      .map((each) => verdict('credential-added', PERMITTED, `the credential ${nameOf(each)} is now accepted`)),
    ...old.filter(missingFrom(next)).map((each) => {
      const reason = 'Clients of the old contract may send only this credential, and are then refused.';
      return verdict('credential-removed', breaking(reason), `the credential ${nameOf(each)} is no longer accepted`);
    }),
  ];
};

/** The name of a security scheme, if the credential is a reference to one; otherwise the credential as short text. */
function nameOf(credential: unknown): string {
  const ref = isObject(credential) ? credential['$ref'] : undefined;
  return typeof ref === 'string' ? (ref.split('/').at(-1) ?? ref) : show(credential);
}

const correlation: Judge = ({ before, after }) => {
  const judgement =
    before === undefined
      ? compatible(
          'The correlation id only describes which field relates a reply to its command. The schema of this field is compared separately.',
        )
      : breaking('Clients of the old contract look for the command id in another field.');
  return [
    {
      ...judgement,
      rule: before === undefined ? 'correlation-added' : 'correlation-changed',
      direction: 'server-to-client',
      summary: `correlationId changed from ${show(before)} to ${show(after)}`,
    },
  ];
};

const OTHER_MEDIA_TYPE = breaking('Clients of the old contract read and write another media type.');

const JUDGES: Readonly<Record<string, Judge>> = {
  'x-scopes': scopes({
    rule: 'scope',
    subject: 'the scope',
    required: breaking('Principals without this scope were permitted, and are now refused with `forbidden`.'),
    notRequired: PERMITTED,
  }),
  'x-full-scopes': scopes({
    rule: 'full-scope',
    subject: 'for the full response, the scope',
    required: breaking('Principals without this scope receive a summary instead of the full response.'),
    notRequired: compatible('Clients of the old contract receive at least what they received before.'),
  }),
  'x-error-pointers': errorPointers,
  'x-ordered': flag('order', 'server-to-client', {
    added: compatible('Clients of the old contract do not rely on the order.'),
    removed: breaking('The message may now overtake queued events, but clients of the old contract rely on its order.'),
  }),
  'x-before-authentication': flag('before-authentication', 'client-to-server', {
    added: compatible('The new server accepts this command earlier than the old server did.'),
    removed: breaking(
      'The new server refuses this command before `authenticate`, but clients of the old contract may send it earlier.',
    ),
  }),
  'x-serves-below': flag('serves-below', 'client-to-server', {
    added: compatible('Clients of the old contract do not request addresses below the path.'),
    removed: breaking('Clients of the old contract may request addresses below the path.'),
  }),
  'x-stream': valueFact('event-stream', 'client-to-server', {
    added: breaking('Publications of this event on another stream are now refused (STR-5).'),
    changed: breaking('Publications of this event on the old stream are now refused (STR-5).'),
    removed: breaking(
      'Publications of this event that name no stream now go to `main`, not to the stream of the old contract (STR-5).',
    ),
  }),
  'x-any-origin': flag('any-origin', 'server-to-client', {
    added: compatible('Pages of every origin may now read the response.'),
    removed: breaking(
      'The new server refuses pages of other origins; under the old contract they could read the response.',
    ),
  }),
  security,
  contentType: valueFact('content-type', 'server-to-client', {
    added: OTHER_MEDIA_TYPE,
    changed: OTHER_MEDIA_TYPE,
    removed: OTHER_MEDIA_TYPE,
  }),
  correlationId: correlation,
};
