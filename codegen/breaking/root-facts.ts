/**
 * Compares facts that a contract has only once: the subprotocol, credential parameters, the grammar of scopes. Tables with an entry per
 * name, such as error codes, are compared in `registries.ts`.
 */
import { show } from './change.ts';
import type { Draft } from './finding.ts';
import { objectAt, union } from './json.ts';
import { breaking, compatible, entryDraft, undecided, warning } from './judgement.ts';
import type { Judgement } from './judgement.ts';

/**
 * For each of these facts: the function that compares the fact of the old contract with that of the new one. Keys: members of the contract.
 */
export const ROOT_FACTS: Readonly<Record<string, (before: unknown, after: unknown) => readonly Draft[]>> = {
  'x-subprotocol': (before, after) => [
    entryDraft(
      {
        rule: 'subprotocol-changed',
        path: ['x-subprotocol'],
        before,
        after,
        summary: `the subprotocol changed from ${show(before)} to ${show(after)}`,
      },
      {
        ...breaking('Clients of the old contract offer the old subprotocol, and are refused at the upgrade (CON-1).'),
        direction: 'client-to-server',
      },
    ),
  ],
  'x-credential-parameters': (before, after) => {
    const [old, next] = [listOf(before), listOf(after)];
    const draft = (name: string, verb: 'added' | 'removed', judgement: Judgement): Draft =>
      entryDraft(
        {
          rule: `credential-parameter-${verb}`,
          path: ['x-credential-parameters'],
          before,
          after,
          summary: `the credential parameter ${name} was ${verb}`,
        },
        { ...judgement, direction: 'client-to-server' },
      );
    return [
      ...next
        .filter((name) => !old.includes(name))
        .map((name) =>
          draft(
            name,
            'added',
            breaking('Requests with a query parameter of this name are now refused with 400 (SEC-2).'),
          ),
        ),
      ...old
        .filter((name) => !next.includes(name))
        .map((name) =>
          draft(
            name,
            'removed',
            warning('A credential in a query parameter of this name is no longer refused (SEC-2).'),
          ),
        ),
    ];
  },
  'x-scopes': (before, after) => {
    const [old, next] = [objectAt(before, 'kinds'), objectAt(after, 'kinds')];
    const kinds = union(Object.keys(old), Object.keys(next)).filter(
      (kind) => Object.hasOwn(old, kind) !== Object.hasOwn(next, kind),
    );
    const [a, b] = [objectAt(before)['grammar'], objectAt(after)['grammar']];
    return [
      ...kinds.map((kind) =>
        entryDraft(
          {
            rule: `scope-kind-${Object.hasOwn(next, kind) ? 'added' : 'removed'}`,
            path: ['x-scopes', 'kinds', kind],
            before: old[kind],
            after: next[kind],
            summary: `the kind of scope ${kind} was ${Object.hasOwn(next, kind) ? 'added' : 'removed'}`,
          },
          {
            ...(Object.hasOwn(next, kind)
              ? compatible('Existing keys and tokens keep their scopes.')
              : breaking('Existing keys and tokens may have scopes of this kind, which no longer permit anything.')),
            direction: 'client-to-server',
          },
        ),
      ),
      ...(a === b
        ? []
        : [
            entryDraft(
              {
                rule: 'scope-grammar-changed',
                path: ['x-scopes', 'grammar'],
                before: a,
                after: b,
                summary: 'the grammar of scopes changed',
              },
              {
                ...undecided(
                  'It cannot be determined whether every existing scope is still valid, so this counts as breaking.',
                ),
                direction: 'client-to-server',
              },
            ),
          ]),
    ];
  },
};

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
