/**
 * Compares the facts of operations, channels and messages: their members that are not schemas, such as scopes and bindings. A change of an
 * unknown member is reported as undecided, so that no new member is silently ignored.
 */
import type { Direction, Draft, Findings, Severity } from './finding.ts';
import { show } from './change.ts';
import type { JsonObject, Path } from './json.ts';
import { equal, isObject, textsOf, union } from './json.ts';

interface Part {
  readonly path: Path;
  readonly raw: JsonObject;
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

interface Verdict {
  readonly rule: string;
  readonly severity: Severity;
  readonly direction: Direction;
  readonly summary: string;
  readonly reason: string;
}

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
  for (const key of union(Object.keys(before.raw), Object.keys(after.raw))) {
    if (IGNORED.has(key)) continue;
    const fact = { key, before: before.raw[key], after: after.raw[key] };
    const [a, b] =
      key === 'bindings' ? [otherBindings(fact.before), otherBindings(fact.after)] : [fact.before, fact.after];
    if (equal(a, b)) continue;
    for (const verdict of (JUDGES[key] ?? unknownFact)(fact)) findings.add(draftOf(verdict, before, after, fact), by);
  }
  const [old, next] = [before.channel, after.channel];
  if (old !== undefined && next !== undefined) compareFacts(findings, { before: old, after: next, by });
}

function draftOf(verdict: Verdict, before: Part, after: Part, { key, before: was, after: now }: Fact): Draft {
  const side = (part: Part, value: unknown): Draft['was'] => ({
    path: value === undefined ? part.path : [...part.path, key],
    value,
  });
  const undecided = verdict.rule === 'fact-undecided' ? { decided: false as const } : {};
  return { ...verdict, ...undecided, was: side(before, was), now: side(after, now) };
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
      rule: 'fact-undecided',
      severity: 'breaking',
      direction: 'server-to-client',
      summary: `${key} changed from ${show(before)} to ${show(after)}`,
      reason:
        'The effect of this change on clients of the old contract cannot be determined, so the change counts as breaking.',
    },
  ];
}

/** Makes the comparison of a fact whose value is `true` or absent. */
function flag(rule: string, direction: Direction, words: Readonly<Record<'given' | 'lost', string>>): Judge {
  return ({ key, after }) => {
    const isGiven = after === true;
    return [
      {
        rule: `${rule}-${isGiven ? 'added' : 'removed'}`,
        severity: isGiven ? 'compatible' : 'breaking',
        direction,
        summary: `${key} was ${isGiven ? 'added' : 'removed'}`,
        reason: isGiven ? words.given : words.lost,
      },
    ];
  };
}

const scopes: Judge = ({ before, after }) => {
  const [old, next] = [textsOf(before), textsOf(after)];
  return [
    ...next
      .filter((scope) => !old.includes(scope))
      .map((scope): Verdict => ({
        rule: 'scope-required',
        severity: 'breaking',
        direction: 'client-to-server',
        summary: `the scope ${scope} is now required`,
        reason: 'Principals without this scope were permitted, and are now refused with `forbidden`.',
      })),
    ...old
      .filter((scope) => !next.includes(scope))
      .map((scope): Verdict => ({
        rule: 'scope-not-required',
        severity: 'compatible',
        direction: 'client-to-server',
        summary: `the scope ${scope} is no longer required`,
        reason: 'Every client that was permitted is still permitted.',
      })),
  ];
};

const errorPointers: Judge = ({ before, after }) => {
  const [old, next] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
  return union(Object.keys(old), Object.keys(next))
    .filter((pointer) => old[pointer] !== next[pointer])
    .map((pointer) => ({
      rule: 'error-pointer-changed',
      severity: 'breaking',
      direction: 'server-to-client',
      summary: `an invalid value at ${pointer} gets the error ${codeOf(next[pointer])} instead of ${codeOf(old[pointer])}`,
      reason: 'Clients of the old contract that handle the old code no longer receive it.',
    }));
};

function codeOf(code: unknown): string {
  return typeof code === 'string' ? code : 'invalid_message';
}

/**
 * Makes the comparison of a fact that may have any value, such as a security requirement. `words` has the reason of the finding: `lost` if
 * the fact was removed, `added` if it was added or changed. The finding is compatible only if this reason is `HARMLESS`.
 */
function addedOrChanged(rule: string, direction: Direction, words: Readonly<Record<'added' | 'lost', string>>): Judge {
  return ({ key, before, after }) => {
    const isLost = after === undefined;
    const verb = before === undefined ? 'added' : isLost ? 'removed' : 'changed';
    return [
      {
        rule: `${rule}-${verb}`,
        severity: words[isLost ? 'lost' : 'added'] === HARMLESS ? 'compatible' : 'breaking',
        direction,
        summary: `${key} was ${verb}`,
        reason: words[isLost ? 'lost' : 'added'],
      },
    ];
  };
}

const HARMLESS = 'Every client that was permitted is still permitted.';

const correlation: Judge = ({ before, after }) => [
  {
    rule: before === undefined ? 'correlation-added' : 'correlation-changed',
    severity: before === undefined ? 'compatible' : 'breaking',
    direction: 'server-to-client',
    summary: `correlationId changed from ${show(before)} to ${show(after)}`,
    reason:
      before === undefined
        ? 'The correlation id only describes which field relates a reply to its command. The schema of this field is compared separately.'
        : 'Clients of the old contract look for the command id in another field.',
  },
];

const JUDGES: Readonly<Record<string, Judge>> = {
  'x-scopes': scopes,
  'x-full-scopes': addedOrChanged('full-scopes', 'client-to-server', {
    added: 'Clients of the old contract receive a summary instead of the full response.',
    lost: 'Clients of the old contract receive at least what they received before.',
  }),
  'x-error-pointers': errorPointers,
  'x-ordered': flag('order', 'server-to-client', {
    given: 'Clients of the old contract do not rely on the order.',
    lost: 'The message may now overtake queued events, but clients of the old contract rely on its order.',
  }),
  'x-before-authentication': flag('before-authentication', 'client-to-server', {
    given: 'The new server accepts this command earlier than the old server did.',
    lost: 'The new server refuses this command before `authenticate`, but clients of the old contract may send it earlier.',
  }),
  'x-serves-below': flag('serves-below', 'client-to-server', {
    given: 'Clients of the old contract do not request addresses below the path.',
    lost: 'Clients of the old contract may request addresses below the path.',
  }),
  'x-stream': addedOrChanged('event-stream', 'client-to-server', {
    added: 'Publications of this event on another stream are now refused.',
    lost: HARMLESS,
  }),
  'x-any-origin': flag('any-origin', 'server-to-client', {
    given: 'Pages of every origin may now read the response.',
    lost: 'The new server refuses pages of other origins; under the old contract they could read the response.',
  }),
  security: addedOrChanged('security', 'client-to-server', {
    added: 'Clients of the old contract may connect without the credential that is now required.',
    lost: HARMLESS,
  }),
  contentType: addedOrChanged('content-type', 'server-to-client', {
    added: 'Clients of the old contract read and write another media type.',
    lost: 'Clients of the old contract read and write another media type.',
  }),
  correlationId: correlation,
};
