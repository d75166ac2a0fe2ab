/** The tables of the page, and the content of their cells. */
import type { Contract, Schema } from '../../model.ts';
import { constraintsOf, typeOf } from './fields.ts';
import type { Row } from './fields.ts';
import { rounded } from './lists.ts';
import type { Amount, Cell, Line, Table } from './lists.ts';
import { code, escape, inline, link } from './markup.ts';
import type { Mention } from './sections.ts';

interface Markup {
  /** CSS class that sets the widths of the columns. */
  readonly kind: string;
  readonly heads: readonly string[];
}

interface MarkupRow {
  readonly anchor: string;
  /** Depth of indentation. */
  readonly depth?: number;
  /** The HTML of each cell. */
  readonly cells: readonly string[];
}

/** Makes a table. Each cell also has its column heading as an attribute: narrow windows show it before the cell. */
function tableOf({ kind, heads }: Markup, rows: readonly MarkupRow[]): string {
  const head = heads.map((each) => `<th scope="col">${escape(each)}</th>`).join('');
  const body = rows.map(({ anchor, cells, depth = 0 }) => {
    const [first = '', ...rest] = cells;
    const others = rest.map((cell, index) => `<td data-head="${escape(heads[index + 1] ?? '')}">${cell}</td>`);
    const indent = depth === 0 ? '' : ` class="d${Math.min(depth, 4)}"`;
    return `<tr id="${escape(anchor)}"${indent}><th scope="row">${first}</th>${others.join('')}</tr>`;
  });
  return `<table class="${kind}">\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody></table>`;
}

/** Fields of a message, each with its own anchor. */
export function fieldTable(rows: readonly Row[], prefix: string): string {
  return tableOf(
    { kind: 'fields', heads: ['Field', 'Type', 'Meaning'] },
    rows.map((row) => ({
      anchor: `${prefix}.${row.path}`,
      depth: row.depth,
      cells: [nameCell(row), typeCell(row), meaningCell(row)],
    })),
  );
}

function nameCell({ name, required, isVariant, more }: Row): string {
  if (isVariant) return `<em>${escape(name)}</em>`;
  const shown = more === undefined ? code(name) : link(more, code(name));
  return `${shown}${required ? ' <span class="must">required</span>' : ''}`;
}

function typeCell({ type, link: target }: Row): string {
  if (target !== undefined)
    return `${target.ofItems ? 'array of ' : ''}${link(`type-${target.name}`, escape(target.name))}`;
  return /^(?:".*"|true|false|\d+)$/.test(type) ? code(type) : escape(type);
}

function meaningCell({ description, constraints }: Row): string {
  const text = description === '' ? '' : `<p>${inline(description)}</p>`;
  return `${text}${boundsOf(constraints)}`;
}

function boundsOf(constraints: readonly string[]): string {
  return constraints.length === 0 ? '' : `<p class="bounds">${constraints.map(inline).join('; ')}</p>`;
}

export function typeTable(contract: Contract, types: readonly (readonly [string, Schema])[]): string {
  return tableOf(
    { kind: 'types', heads: ['Type', 'Is', 'Meaning'] },
    types.map(([name, schema]) => ({
      anchor: `type-${name}`,
      cells: [
        code(name),
        escape(typeOf(contract, schema)),
        `<p>${inline(schema.description ?? '')}</p>${boundsOf(constraintsOf(schema))}`,
      ],
    })),
  );
}

export function listTable({ kind, heads, lines }: Table): string {
  return tableOf(
    { kind, heads },
    lines.map(({ name, anchor, cells }: Line) => ({
      anchor,
      cells: [link(anchor, code(name)), ...cells.map(cellHtml)],
    })),
  );
}

function cellHtml(cell: Cell): string {
  if (typeof cell === 'string') return inline(cell);
  return 'amount' in cell ? amountHtml(cell) : mentionsHtml(cell);
}

function amountHtml(each: Amount): string {
  const { amount, unit, role } = each;
  const human = rounded(each);
  const small = human === '' ? '' : ` <small>${escape(human)}</small>`;
  return `<span class="num">${thousands(amount)}</span>${role === 'value' ? ` ${escape(unit)}` : ''}${small}`;
}

/**
 * A number with thin gaps between groups of three digits. The gaps are style, not text, so that a text search for the
 * number finds it.
 */
function thousands(amount: number): string {
  return String(amount).replaceAll(/\B(\d{3})(?=(?:\d{3})*$)/g, '<wbr><span class="g">$1</span>');
}

/** Names with links. A name with a note gets its own line. */
export function mentionsHtml(mentions: readonly Mention[]): string {
  const parts = mentions.map(mentionHtml);
  const isShort = mentions.every(({ note = '' }) => note === '');
  return isShort ? parts.join(', ') : parts.map((part) => `<span class="line">${part}</span>`).join(' ');
}

function mentionHtml({ text, anchor, note = '' }: Mention): string {
  const name = anchor === undefined ? code(text) : link(anchor, code(text));
  return note === '' ? name : `${name} ${inline(note)}`;
}
