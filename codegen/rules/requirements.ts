/** Rules about clauses: every cited clause exists, and every clause that a client can observe is cited. */
import type { RawContract } from '../raw.ts';
import type { Path, Rule } from './rule.ts';

function citationsOf(raw: RawContract): { readonly clause: string; readonly path: Path }[] {
  const places: [Path, readonly string[] | undefined][] = [
    ...Object.entries(raw.channels).map(([name, each]): [Path, readonly string[] | undefined] => [
      ['channels', name],
      each['x-requirements'],
    ]),
    ...Object.entries(raw.operations).map(([name, each]): [Path, readonly string[] | undefined] => [
      ['operations', name],
      each['x-requirements'],
    ]),
    ...Object.entries(raw.components.messages).map(([name, each]): [Path, readonly string[] | undefined] => [
      ['components', 'messages', name],
      each['x-requirements'],
    ]),
  ];
  return places.flatMap(([path, clauses]) =>
    (clauses ?? []).map((clause, index) => ({ clause, path: [...path, 'x-requirements', index] })),
  );
}

export const REQUIREMENT_RULES: Readonly<Record<string, Rule>> = {
  'clause-known': (raw, report) => {
    for (const { clause, path } of citationsOf(raw)) {
      if (!Object.hasOwn(raw['x-requirements'], clause))
        report(path, `cites ${clause}, which x-requirements lacks. Correct the id, or add the clause there.`);
    }
  },

  'clause-cited': (raw, report) => {
    const cited = new Set(citationsOf(raw).map(({ clause }) => clause));
    for (const [clause, { observable }] of Object.entries(raw['x-requirements'])) {
      if (!/^[A-Z]{3}-\d+$/.test(clause))
        report(['x-requirements', clause], 'is not a clause id. Write three capital letters, a hyphen and a number.');
      if ((observable === 'client' || observable === 'server') && !cited.has(clause))
        report(
          ['x-requirements', clause],
          `can be observed by a ${observable}, but no channel, operation or message cites it. Cite it, or correct "observable".`,
        );
    }
  },
};
