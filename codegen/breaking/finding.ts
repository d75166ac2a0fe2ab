/** One difference between two contracts: what changed, in which direction the value is sent, and which clients break. */
import type { Change, Effect } from './change.ts';
import type { Location } from './contract-view.ts';
import type { Path } from './json.ts';
import { toPointer } from '../source.ts';

export type Severity = 'breaking' | 'warning' | 'compatible';

/**
 * The direction in which the changed value is sent. `operator`: the value is in the configuration of a gateway and is not
 * sent.
 */
export type Direction = 'client-to-server' | 'server-to-client' | 'operator';

/** The value in one version, and where it is written. If the value is absent, the place is the object that would contain it. */
export interface FindingSide extends Location {
  /** Undefined if the value is absent. */
  readonly value: unknown;
}

export interface CompatibilityFinding {
  readonly rule: string;
  readonly severity: Severity;
  /** False if the effect of the change could not be determined. Such a finding counts as breaking. */
  readonly decided: boolean;
  readonly direction: Direction;
  readonly was: FindingSide;
  readonly now: FindingSide;
  /** What changed. */
  readonly summary: string;
  /** Which clients break and why, or why no client breaks. */
  readonly reason: string;
  /** Operations and events that the change affects, such as `subscribe` or `event file_change`. */
  readonly usedBy: readonly string[];
  /** Recorded frames that are no longer valid, as `tape:line`. */
  readonly tapes: readonly string[];
}

/** A finding without line numbers and without the tapes that show its effect. Both are added later. */
export interface Draft {
  readonly rule: string;
  readonly severity: Severity;
  readonly decided?: false;
  readonly direction: Direction;
  readonly was: { readonly path: Path; readonly value: unknown };
  readonly now: { readonly path: Path; readonly value: unknown };
  readonly summary: string;
  readonly reason: string;
}

/** Where a schema is used, and in which direction its values are sent. */
export interface Use {
  /** What uses the schema, such as `subscribe`, `event file_change` or `publishing file_change`. */
  readonly by: string;
  readonly direction: 'client-to-server' | 'server-to-client';
  /** Whether the schema is that of a whole WebSocket message. No member may be added at its top level (ENV-1). */
  readonly envelope?: boolean;
}

/** Makes the finding of a schema change for one use of the schema. */
export function judge(change: Change, { direction, envelope }: Use): Draft {
  const { rule, was, now, text } = change;
  const effect: Effect = envelope === true && change.effect === 'adds-fields' ? 'widens' : change.effect;
  const [severity, reason] = VERDICTS[direction][effect];
  const special = SPECIAL[`${direction} ${rule}`];
  return {
    rule,
    severity,
    ...(effect === 'undecided' ? { decided: false as const } : {}),
    direction,
    was,
    now,
    summary: text,
    reason: effect === change.effect ? (special ?? reason) : TOP,
  };
}

const TOP = 'A message has only `type`, `id` and `data` at its top level (ENV-1); clients may refuse any other member.';

const UNDECIDED =
  'It cannot be determined whether old clients and the new server remain compatible here, so this counts as breaking.';
const MEANING = 'The same values are valid, but their meaning changes. Check the code that depends on the meaning.';

const VERDICTS: Readonly<
  Record<Use['direction'], Readonly<Record<Effect, readonly [severity: Severity, reason: string]>>>
> = {
  'client-to-server': {
    narrows: ['breaking', 'The new server refuses values that clients of the old contract may send.'],
    replaces: ['breaking', 'The new server refuses values that clients of the old contract may send.'],
    undecided: ['breaking', UNDECIDED],
    widens: ['compatible', 'The new server accepts everything that clients of the old contract may send.'],
    'adds-fields': ['compatible', 'The new server accepts everything that clients of the old contract may send.'],
    meaning: ['warning', MEANING],
  },
  'server-to-client': {
    narrows: ['compatible', 'Clients of the old contract expect everything that the new server may send.'],
    replaces: ['breaking', 'The new server may send values that clients of the old contract do not expect.'],
    undecided: ['breaking', UNDECIDED],
    widens: ['breaking', 'The new server may send values that clients of the old contract do not expect.'],
    'adds-fields': ['compatible', 'Clients ignore unknown fields (ENV-4).'],
    meaning: ['warning', MEANING],
  },
};

/** Reasons that are more specific than those in `VERDICTS`, by direction and rule. */
const SPECIAL: Readonly<Record<string, string>> = {
  'client-to-server required-added':
    'Clients of the old contract may omit this member, and the new server then refuses the message.',
  'client-to-server property-removed':
    'Clients of the old contract may send this member, and the new server refuses unknown fields (ENV-4).',
  'server-to-client required-removed':
    'The new server may omit this member, but clients of the old contract expect it to be present.',
  'server-to-client value-added':
    'The new server may send this value. Clients ignore unknown fields and events (ENV-4), but not unknown values.',
};

/** Collects drafts of findings. A change that affects several operations becomes one finding. */
export class Findings {
  readonly #found = new Map<string, { readonly draft: Draft; readonly usedBy: Set<string> }>();

  add(draft: Draft, usedBy?: string): void {
    const { rule, direction, severity, was, now, summary } = draft;
    const key = [rule, direction, severity, toPointer(was.path), toPointer(now.path), summary].join('\n');
    const known = this.#found.get(key) ?? { draft, usedBy: new Set() };
    this.#found.set(key, known);
    if (usedBy !== undefined) known.usedBy.add(usedBy);
  }

  addChanges(changes: readonly Change[], use: Use, top?: { readonly was: Path; readonly now: Path }): void {
    for (const change of changes) {
      const isTop = use.envelope === true && top !== undefined && isDirectly(change, top);
      this.add(judge(change, { ...use, envelope: isTop }), use.by);
    }
  }

  get all(): readonly { readonly draft: Draft; readonly usedBy: readonly string[] }[] {
    return [...this.#found.values()].map(({ draft, usedBy }) => ({ draft, usedBy: [...usedBy] }));
  }
}

/** Whether the change adds members to the message itself, not to an object inside the message. */
function isDirectly({ was, now }: Change, top: { readonly was: Path; readonly now: Path }): boolean {
  const [before, after] = [toPointer(was.path), toPointer(now.path)];
  const [old, next] = [toPointer(top.was), toPointer(top.now)];
  return (
    (before === old || before === `${old}/additionalProperties`) &&
    (after === `${next}/additionalProperties` || after.startsWith(`${next}/properties/`) || after === next)
  );
}
