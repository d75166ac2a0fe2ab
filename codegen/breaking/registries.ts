/** Compares the tables of a contract: errors, close codes, limits, scopes, filter fields, replay policies, gap reasons, clauses. */
import { show } from './change.ts';
import type { Direction, Draft } from './finding.ts';
import { equal, objectAt, union } from './json.ts';
import type { JsonObject } from './json.ts';
import { breaking, compatible, entryDraft, undecided, warning } from './judgement.ts';
import type { Directed, Judgement } from './judgement.ts';
import type { Versions } from './operations.ts';
import { ROOT_FACTS } from './root-facts.ts';

/** How a table is compared: the severity of adding or removing an entry, and of changing each member of an entry. */
interface Registry {
  readonly noun: string;
  readonly direction: Direction;
  readonly added: Judgement | ((entry: unknown) => Judgement);
  readonly removed: Judgement;
  readonly members?: Readonly<Record<string, Judgement | Compare>>;
  /** Set if the entries are descriptions for people. A changed description is not a finding. */
  readonly text?: 'prose';
}

type Compare = (before: unknown, after: unknown) => Judgement;

/** Makes the comparison of a number, with one judgement if it was raised and another if it was lowered. */
function moved(words: Readonly<Record<'raised' | 'lowered', Judgement>>): Compare {
  return (before, after) => (Number(after) > Number(before) ? words.raised : words.lowered);
}

const OPERATOR_REFUSED = 'Gateways whose configuration uses a value outside the new range no longer start.';

const ERROR_KNOWN = 'This error is not in the list that clients of the old contract have.';

const REGISTRIES: Readonly<Record<string, Registry>> = {
  'x-errors': {
    noun: 'error',
    direction: 'server-to-client',
    added: breaking(ERROR_KNOWN),
    removed: warning('Clients that handle this code no longer receive it. Check which code replaces it.'),
    members: {
      retryable: breaking(
        'Clients of the old contract retry an error that a retry cannot fix, or do not retry an error that a retry can fix.',
      ),
      httpStatus: breaking('HTTP clients of the old contract act on the old status.'),
      counts: (_before, after) =>
        after === undefined
          ? compatible('The error no longer counts towards closing the connection.')
          : breaking(
              'The error now counts towards closing the connection (ERR-2), which clients of the old contract do not expect.',
            ),
    },
  },
  'x-close-codes': {
    noun: 'close code',
    direction: 'server-to-client',
    added: compatible('For an unknown close code, clients act on its class (CON-6).'),
    removed: warning('Clients that handle this code no longer receive it. Check which code replaces it.'),
    members: {
      name: breaking('`closing` contains the name, and clients of the old contract know the old name.'),
      class: breaking(
        'The class decides whether clients retry (CON-6); clients of the old contract act on the old class.',
      ),
    },
  },
  'x-close-classes': {
    noun: 'class of close codes',
    direction: 'server-to-client',
    added: breaking('Clients of the old contract have no rule for a close of this class (CON-6).'),
    removed: breaking('Clients of the old contract act on this class, which the new contract no longer has.'),
    text: 'prose',
  },
  'x-limits': {
    noun: 'limit',
    direction: 'client-to-server',
    added: warning('Clients of the old contract do not know the limit and may exceed it.'),
    removed: breaking(
      'Clients may read this limit from `welcome.limits`, and a gateway refuses a configuration that sets it.',
    ),
    members: {
      default: moved({
        raised: compatible('Gateways with the default allow more than before.'),
        lowered: warning(
          'Gateways with the default allow less than before; clients that do not read `welcome.limits` may exceed it.',
        ),
      }),
      minimum: moved({
        raised: breaking(OPERATOR_REFUSED, 'operator'),
        lowered: warning('A gateway may now allow less than the old contract guaranteed.'),
      }),
      maximum: moved({
        raised: compatible('A gateway may allow more than before; `welcome.limits` reports its limit.'),
        lowered: breaking(OPERATOR_REFUSED, 'operator'),
      }),
      unit: breaking('Clients and configurations of the old contract read the number in the old unit.'),
    },
  },
  'x-filters': {
    noun: 'filter field',
    direction: 'client-to-server',
    added: compatible('Clients of the old contract do not use this filter field.'),
    removed: breaking('Subscriptions of old clients that use this filter field are refused.'),
    members: { kind: breaking('Values match differently, so filters of old clients select other events.') },
  },
  'x-replay-policies': {
    noun: 'replay policy',
    direction: 'server-to-client',
    added: compatible(
      'A replay policy has an effect only if an event uses it. A change of the policy of an event is a separate finding.',
    ),
    removed: compatible(
      'A replay policy had an effect only if an event used it. A change of the policy of an event is a separate finding.',
    ),
    text: 'prose',
  },
  'x-gap-reasons': {
    noun: 'reason for a gap',
    direction: 'server-to-client',
    added: breaking('This reason is not in the list that clients of the old contract have.'),
    removed: compatible('Clients of the old contract expect everything that the new server may send.'),
    text: 'prose',
  },
  'x-requirements': {
    noun: 'clause',
    direction: 'server-to-client',
    added: compatible('The new contract guarantees more. Check that the clause requires nothing new of clients.'),
    removed: breaking('Clients that rely on this guarantee no longer have it.'),
    members: {
      level: (_before, after) =>
        after === 'must'
          ? compatible('The guarantee became stronger.')
          : breaking('The guarantee became weaker, and clients may rely on it.'),
      text: warning(
        'A change of the wording cannot be checked by a program. Check that the clause still guarantees what clients rely on.',
      ),
    },
  },
};

export function compareRegistries(versions: Versions): void {
  const { was, now, findings } = versions;
  const keys = union(Object.keys(was.document), Object.keys(now.document)).filter((key) => key.startsWith('x-'));
  for (const key of keys) {
    const [before, after] = [was.document[key], now.document[key]];
    if (equal(before, after) || Object.hasOwn(ROOT_FACTS, key)) continue;
    const registry = REGISTRIES[key];
    const drafts =
      registry === undefined
        ? [entryDraft({ rule: 'fact-undecided', path: [key], before, after, summary: `${key} changed` }, UNKNOWN)]
        : registryDrafts(key, registry, objectAt(was.document, key), objectAt(now.document, key));
    for (const draft of drafts) findings.add(draft);
  }
  for (const [key, compare] of Object.entries(ROOT_FACTS))
    if (!equal(was.document[key], now.document[key]))
      for (const draft of compare(was.document[key], now.document[key])) findings.add(draft);
}

const UNKNOWN: Directed = {
  ...undecided(
    'The effect of this change on clients of the old contract cannot be determined, so the change counts as breaking.',
  ),
  direction: 'server-to-client',
};

function registryDrafts(key: string, registry: Registry, before: JsonObject, after: JsonObject): Draft[] {
  return union(Object.keys(before), Object.keys(after)).flatMap((name): Draft[] => {
    const [old, next] = [before[name], after[name]];
    if (equal(old, next)) return [];
    const at = { path: [key, name], before: old, after: next };
    const rule = registry.noun
      .replace('class of close codes', 'close-class')
      .replace('reason for a gap', 'gap-reason')
      .replaceAll(' ', '-');
    const judged = (judgement: Judgement): Directed => ({
      ...judgement,
      direction: judgement.direction ?? registry.direction,
    });
    if (old === undefined) {
      const judgement = typeof registry.added === 'function' ? registry.added(next) : registry.added;
      return [
        entryDraft(
          { ...at, rule: `${rule}-added`, summary: `the ${registry.noun} ${name} was added` },
          judged(judgement),
        ),
      ];
    }
    if (next === undefined)
      return [
        entryDraft(
          { ...at, rule: `${rule}-removed`, summary: `the ${registry.noun} ${name} was removed` },
          judged(registry.removed),
        ),
      ];
    return memberDrafts({ key, name, rule, registry, before: old, after: next }, judged);
  });
}

interface EntryPair {
  readonly key: string;
  readonly name: string;
  readonly rule: string;
  readonly registry: Registry;
  readonly before: unknown;
  readonly after: unknown;
}

function memberDrafts(
  { key, name, rule, registry, before, after }: EntryPair,
  judged: (judgement: Judgement) => Directed,
): Draft[] {
  if (registry.text === 'prose') return [];
  const [old, next] = [objectAt(before), objectAt(after)];
  return union(Object.keys(old), Object.keys(next)).flatMap((member): Draft[] => {
    const [a, b] = [old[member], next[member]];
    if (equal(a, b) || member === 'description' || member === 'observable') return [];
    const judge = registry.members?.[member];
    const judgement = judge === undefined ? UNKNOWN : typeof judge === 'function' ? judge(a, b) : judge;
    const verb =
      typeof a === 'number' && typeof b === 'number' && key === 'x-limits' ? (b > a ? 'raised' : 'lowered') : 'changed';
    const kebab = member.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return [
      entryDraft(
        {
          rule: judge === undefined ? 'fact-undecided' : `${rule}-${kebab}-${verb}`,
          path: [key, name, member],
          before: a,
          after: b,
          summary:
            member === 'text'
              ? `the text of clause ${name} changed`
              : `${member} of ${name} changed from ${show(a)} to ${show(b)}`,
        },
        judged(judgement),
      ),
    ];
  });
}
