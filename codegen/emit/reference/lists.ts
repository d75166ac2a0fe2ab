/** The chapters that are lists: errors, close codes, limits, filters, policies, reasons, scopes, clauses. */
import type { Contract, Event } from '../../model.ts';
import type { Mention } from './sections.ts';
import { citations } from './sections.ts';

export interface Amount {
  readonly amount: number;
  readonly unit: string;
  /** The unit is shown only with the default (`value`), not with minimum and maximum (`bound`). */
  readonly role: 'value' | 'bound';
}

/** The content of a table cell: text with code in backquotes, names with links, or a number. */
export type Cell = string | readonly Mention[] | Amount;

export interface Line {
  readonly name: string;
  readonly anchor: string;
  /** The cells after the name. */
  readonly cells: readonly Cell[];
}

export interface Table {
  /** Heading of the table, if a chapter has several. */
  readonly title: string;
  /** CSS class that sets the widths of its columns. */
  readonly kind: string;
  readonly heads: readonly string[];
  readonly lines: readonly Line[];
}

export interface List {
  readonly anchor: string;
  readonly title: string;
  readonly lead: string;
  /** Introduction above the tables. */
  readonly text: string;
  readonly tables: readonly Table[];
}

export function listsOf(contract: Contract): readonly List[] {
  return [
    errors(contract),
    closeCodes(contract),
    limits(contract),
    filters(contract),
    replayPolicies(contract),
    gapReasons(contract),
    scopes(contract),
  ];
}

function errors({ errors: all }: Contract): List {
  const lines = Object.entries(all).map(([name, { description, httpStatus, retryable }]) => ({
    name,
    anchor: `error-${name}`,
    cells: [description, retryable ? 'yes' : 'no', String(httpStatus)],
  }));
  return {
    anchor: 'errors',
    title: 'Errors',
    lead: 'The codes of the `error` reply to a command. Over HTTP the same message is the body, and the code determines the status.',
    text: '',
    tables: [{ title: '', kind: 'errors', heads: ['Code', 'Meaning', 'Retry unchanged', 'HTTP status'], lines }],
  };
}

function closeCodes({ closeCodes: all, closeClasses }: Contract): List {
  const tables = Object.entries(closeClasses).map(([name, title]) => ({
    title,
    kind: 'codes',
    heads: ['Code', 'Name', 'Why'],
    lines: Object.entries(all)
      .filter(([, each]) => each.class === name)
      .map(([code, each]) => ({
        name: code,
        anchor: `close-${code}`,
        cells: [`\`${each.name}\``, each.description],
      })),
  }));
  return {
    anchor: 'close-codes',
    title: 'Close codes',
    lead: 'Why the server closed the connection, grouped by what the client must do.',
    text: '',
    tables,
  };
}

function limits({ limits: all }: Contract): List {
  const lines = Object.entries(all).map(([name, { description, unit, default: standard, minimum, maximum }]) => ({
    name,
    anchor: `limit-${name}`,
    cells: [
      description,
      { amount: standard, unit, role: 'value' as const },
      { amount: minimum, unit, role: 'bound' as const },
      { amount: maximum, unit, role: 'bound' as const },
    ],
  }));
  return {
    anchor: 'limits',
    title: 'Limits',
    lead: '`welcome` contains the limits that apply. An operator may set each limit to a value from its minimum to its maximum.',
    text: '',
    tables: [{ title: '', kind: 'limits', heads: ['Limit', 'What it limits', 'Default', 'Minimum', 'Maximum'], lines }],
  };
}

const eventMentions = (events: readonly Event[]): readonly Mention[] =>
  events.map(({ message }) => ({ text: message, anchor: message }));

function filters({ filters: all, events, customEvent }: Contract): List {
  const lines = Object.entries(all).map(([name, { kind, description }]) => ({
    name,
    anchor: `filter-${name}`,
    cells: [
      description,
      kind,
      eventMentions([...events, customEvent].filter(({ filterable }) => Object.hasOwn(filterable, name))),
    ],
  }));
  return {
    anchor: 'filters',
    title: 'Filters',
    lead: 'An event must match every field of a filter, and at least one of the values of each field. A field applies only to events that declare it.',
    text: '',
    tables: [{ title: '', kind: 'filters', heads: ['Field', 'Meaning', 'Compared as', 'Events'], lines }],
  };
}

function replayPolicies({ replayPolicies: all, events, customEvent }: Contract): List {
  const lines = Object.entries(all).map(([name, description]) => ({
    name,
    anchor: `replay-${name}`,
    cells: [description, eventMentions([...events, customEvent].filter(({ replay }) => replay.policy === name))],
  }));
  return {
    anchor: 'replay-policies',
    title: 'Replay policies',
    lead: 'Which earlier events a `warm` subscription receives. `welcome` contains the policies that apply.',
    text: '',
    tables: [{ title: '', kind: 'policies', heads: ['Policy', 'Replays', 'By default for'], lines }],
  };
}

function gapReasons({ gapReasons: all }: Contract): List {
  const lines = Object.entries(all).map(([name, text]) => ({ name, anchor: `gap-${name}`, cells: [text] }));
  return {
    anchor: 'gap-reasons',
    title: 'Gap reasons',
    lead: 'The possible reasons of a `gap`: why events cannot be delivered.',
    text: '',
    tables: [{ title: '', kind: 'plain', heads: ['Reason', 'Meaning'], lines }],
  };
}

function scopes({ scopes: { grammar, description, kinds, examples = {} } }: Contract): List {
  const lines = Object.entries(kinds).map(([name, text]) => ({ name, anchor: `scope-${name}`, cells: [text] }));
  const shown = Object.entries(examples).map(([name, text]) => ({
    name,
    anchor: `scope-example-${name}`,
    cells: [text],
  }));
  return {
    anchor: 'scopes',
    title: 'Scopes',
    lead: 'The permissions of a principal. The grammar is in the notation of RFC 5234.',
    text: `\`${grammar}\`\n\n${description.trim()}`,
    tables: [
      { title: '', kind: 'plain', heads: ['Scope', 'Allows'], lines },
      ...(shown.length === 0 ? [] : [{ title: 'Examples', kind: 'plain', heads: ['Scope', 'Allows'], lines: shown }]),
    ],
  };
}

/** A clause in the reference. */
export interface ReferenceClause {
  readonly id: string;
  readonly text: string;
  /** A note about a clause whose level is not `must`, or that clients cannot observe. Empty for other clauses. */
  readonly note: string;
  readonly citedBy: readonly string[];
}

export function clausesOf(contract: Contract): readonly ReferenceClause[] {
  const cited = citations(contract);
  return Object.entries(contract.clauses).map(([id, { level, observable, text }]) => ({
    id,
    text,
    note: [
      ...(level === 'must' ? [] : [level]),
      ...(observable === 'client'
        ? []
        : [observable === 'server' ? 'requirement for clients' : `observable by the ${observable}`]),
    ].join(', '),
    citedBy: [...(cited.get(id) ?? [])],
  }));
}

const SCALES: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
  bytes: [
    [2 ** 30, 'GiB'],
    [2 ** 20, 'MiB'],
    [2 ** 10, 'KiB'],
  ],
  ms: [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1000, 's'],
  ],
};

/**
 * The amount in a larger unit, such as `1 MiB` for 1048576 bytes. Empty if the amount is not a multiple of a larger
 * unit.
 */
export function rounded({ amount, unit }: Amount): string {
  const scale = amount === 0 ? undefined : SCALES[unit]?.find(([size]) => amount % size === 0);
  return scale === undefined ? '' : `${amount / scale[0]} ${scale[1]}`;
}
