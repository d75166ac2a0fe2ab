/** What the gate reports: a change, who sends and who receives, and what it breaks. */
import type { Change, Effect } from './change.ts';
import type { Path } from './json.ts';
import { toPointer } from '../source.ts';

export type Severity = 'breaking' | 'warning' | 'compatible';

/** Who sends what changed. `operator`: it is written in a gateway's configuration, not sent. */
export type Direction = 'client-to-server' | 'server-to-client' | 'operator';

export interface FindingSide {
  /** RFC 6901. Where the thing is absent, the pointer of what would hold it. */
  readonly pointer: string;
  /** 1-based, in the file of that version. */
  readonly line: number | undefined;
  /** Undefined where the thing is absent. */
  readonly value: unknown;
}

export interface CompatibilityFinding {
  readonly rule: string;
  readonly severity: Severity;
  /** False where the comparison could not decide; such a finding counts as breaking. */
  readonly decided: boolean;
  readonly direction: Direction;
  readonly was: FindingSide;
  readonly now: FindingSide;
  /** What changed. */
  readonly summary: string;
  /** Whom it breaks and why, or why it breaks nobody. */
  readonly reason: string;
  /** Operations and events that the change reaches, such as `subscribe` or `event file_change`. */
  readonly usedBy: readonly string[];
  /** Recorded frames that no longer fit, as `tape:line`. */
  readonly tapes: readonly string[];
}

/** A finding before its pointers have lines and its tapes are known. */
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

/** Where a schema is used, and in which direction its values travel. */
export interface Use {
  /** Such as `subscribe`, `event file_change` or `publishing file_change`. */
  readonly by: string;
  readonly direction: 'client-to-server' | 'server-to-client';
  /** The path of the schema of a WebSocket message, in both versions: nothing may be added at its top (ENV-1). */
  readonly envelope?: boolean;
}

/** Judges a change of a schema for one use. */
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

const TOP =
  'A message holds `type`, `id` and `data`, and nothing else at its top level (ENV-1); clients may refuse it.';

const UNDECIDED =
  'It cannot be decided whether old clients and the new server still understand each other here, so this counts as breaking.';
const MEANING = 'The same values are valid, but they mean something else. Check what depends on it.';

const VERDICTS: Readonly<
  Record<Use['direction'], Readonly<Record<Effect, readonly [severity: Severity, reason: string]>>>
> = {
  'client-to-server': {
    narrows: ['breaking', 'The new server refuses something that clients of the old contract may send.'],
    replaces: ['breaking', 'The new server refuses something that clients of the old contract may send.'],
    undecided: ['breaking', UNDECIDED],
    widens: ['compatible', 'The new server accepts everything that clients of the old contract may send.'],
    'adds-fields': ['compatible', 'The new server accepts everything that clients of the old contract may send.'],
    meaning: ['warning', MEANING],
  },
  'server-to-client': {
    narrows: ['compatible', 'Clients of the old contract expect everything that the new server may send.'],
    replaces: ['breaking', 'The new server may send something that clients of the old contract do not expect.'],
    undecided: ['breaking', UNDECIDED],
    widens: ['breaking', 'The new server may send something that clients of the old contract do not expect.'],
    'adds-fields': ['compatible', 'Clients ignore fields that they do not know (ENV-4).'],
    meaning: ['warning', MEANING],
  },
};

/** Where more can be said than that something is refused or unexpected. */
const SPECIAL: Readonly<Record<string, string>> = {
  'client-to-server required-added':
    'Clients of the old contract may leave it out, and the new server then refuses it.',
  'client-to-server property-removed':
    'Clients of the old contract may send it, and the new server refuses fields that it does not know (ENV-4).',
  'server-to-client required-removed':
    'The new server may leave it out, and clients of the old contract read it as always present.',
  'server-to-client value-added':
    'The new server may send it. Clients ignore fields and events that they do not know (ENV-4), but not values.',
};

/** Collects drafts; the same change in several operations is one finding. */
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

/** The change is one of a member at the top, not inside one. */
function isDirectly({ was, now }: Change, top: { readonly was: Path; readonly now: Path }): boolean {
  const [before, after] = [toPointer(was.path), toPointer(now.path)];
  const [old, next] = [toPointer(top.was), toPointer(top.now)];
  return (
    (before === old || before === `${old}/additionalProperties`) &&
    (after === `${next}/additionalProperties` || after.startsWith(`${next}/properties/`) || after === next)
  );
}
