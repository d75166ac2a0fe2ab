/** The parts of the contract that are lists: errors, close codes, limits, policies, reasons, filters, scopes, clauses. */
import type { Contract } from '../../model.ts';
import { escape, inline, link, paragraphs } from './markup.ts';
import { citations } from './sections.ts';
import { rowOf, tableOf } from './tables.ts';

export interface Chapter {
  readonly anchor: string;
  readonly title: string;
  readonly lead: string;
  readonly body: string;
}

const code = (text: string): string => `<code>${escape(text)}</code>`;
const yesNo = (is: boolean): string => (is ? 'yes' : 'no');

export function catalogue(contract: Contract): readonly Chapter[] {
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

function errors({ errors: all }: Contract): Chapter {
  const rows = Object.entries(all).map(([name, { description, httpStatus, retryable }]) =>
    rowOf([code(name), inline(description), String(httpStatus), yesNo(retryable)], `error-${name}`),
  );
  return {
    anchor: 'errors',
    title: 'Errors',
    lead: 'What an `error` answers with. Over HTTP the same body comes with the status.',
    body: tableOf(['Code', 'Meaning', 'HTTP status', 'Try again unchanged'], rows),
  };
}

function closeCodes({ closeCodes: all, closeClasses }: Contract): Chapter {
  const groups = Object.entries(closeClasses).map(([name, text]) => {
    const rows = Object.entries(all)
      .filter(([, each]) => each.class === name)
      .map(([number, each]) =>
        rowOf([`<span class="num">${number}</span>`, code(each.name), inline(each.description)], `close-${number}`),
      );
    return `<h4>${inline(text)}</h4>\n${tableOf(['Code', 'Name', 'Meaning'], rows)}`;
  });
  return {
    anchor: 'close-codes',
    title: 'Close codes',
    lead: 'Why the server ended the connection, and what the client does next.',
    body: groups.join('\n'),
  };
}

function limits({ limits: all }: Contract): Chapter {
  const rows = Object.entries(all).map(([name, { description, unit, default: standard, minimum, maximum }]) =>
    rowOf(
      [
        code(name),
        inline(description),
        `<span class="num">${grouped(standard)}</span> ${escape(unit)}`,
        `<span class="num">${grouped(minimum)}–${grouped(maximum)}</span>`,
      ],
      `limit-${name}`,
    ),
  );
  return {
    anchor: 'limits',
    title: 'Limits',
    lead: '`welcome` tells those in force. An operator may set each within its range.',
    body: tableOf(['Limit', 'Bounds', 'Default', 'Range'], rows),
  };
}

/** 1048576 → 1 048 576, with narrow spaces that do not break. */
function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, '\u202f');
}

function filters({ filters: all, events, customEvent }: Contract): Chapter {
  const rows = Object.entries(all).map(([name, { kind, description }]) => {
    const where = [...events, customEvent].filter(({ filterable }) => Object.hasOwn(filterable, name));
    return rowOf(
      [
        code(name),
        escape(kind),
        inline(description),
        where.map(({ message }) => link(message, escape(message))).join(', '),
      ],
      `filter-${name}`,
    );
  });
  return {
    anchor: 'filters',
    title: 'Filters',
    lead: 'Fields narrow together, values within a field are alternatives. A field constrains the events that declare it.',
    body: tableOf(['Field', 'Compared', 'Meaning', 'Events'], rows),
  };
}

function replayPolicies({ replayPolicies: all, events, customEvent }: Contract): Chapter {
  const rows = Object.entries(all).map(([name, description]) => {
    const where = [...events, customEvent].filter(({ replay }) => replay.policy === name);
    return rowOf(
      [code(name), inline(description), where.map(({ message }) => link(message, escape(message))).join(', ')],
      `replay-${name}`,
    );
  });
  return {
    anchor: 'replay-policies',
    title: 'Replay policies',
    lead: 'What a `warm` subscription is shown of the past.',
    body: tableOf(['Policy', 'Replays', 'Events'], rows),
  };
}

function gapReasons({ gapReasons: all }: Contract): Chapter {
  const rows = Object.entries(all).map(([name, text]) => rowOf([code(name), inline(text)], `gap-${name}`));
  return {
    anchor: 'gap-reasons',
    title: 'Gap reasons',
    lead: 'Why events can no longer be delivered.',
    body: tableOf(['Reason', 'Meaning'], rows),
  };
}

function scopes({ scopes: { grammar, description, kinds } }: Contract): Chapter {
  const rows = Object.entries(kinds).map(([name, text]) => rowOf([code(name), inline(text)], `scope-${name}`));
  return {
    anchor: 'scopes',
    title: 'Scopes',
    lead: 'What a principal may do.',
    body: `<pre>${escape(grammar)}</pre>\n${paragraphs(description)}\n${tableOf(['Scope', 'Allows'], rows)}`,
  };
}

export function clauses(contract: Contract): Chapter {
  const cited = citations(contract);
  const items = Object.entries(contract.clauses).map(([id, { level, text }]) => {
    const where = [...new Set(cited.get(id) ?? [])].map((anchor) => link(anchor, escape(anchor))).join(', ');
    const seen = where === '' ? '' : ` <span class="leads">See ${where}.</span>`;
    return `<dt id="${escape(id)}">${escape(id)}${level === 'must' ? '' : ' (should)'}</dt><dd>${inline(text)}${seen}</dd>`;
  });
  return {
    anchor: 'clauses',
    title: 'Clauses',
    lead: 'What every implementation does. Tests and tapes cite these ids; they are never reused.',
    body: `<dl class="clause">\n${items.join('\n')}\n</dl>`,
  };
}
