/** The tables of the reference, and what stands in their cells. */
import type { Contract, Schema } from '../../model.ts';
import { constraintsOf, typeOf } from './fields.ts';
import type { Row } from './fields.ts';
import { escape, inline, link } from './markup.ts';

/** A cell is HTML already. */
export function tableOf(heads: readonly string[], rows: readonly string[]): string {
  if (rows.length === 0) return '';
  const head = heads.map((each) => `<th scope="col">${each}</th>`).join('');
  return `<div class="scroll"><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${rows.join('\n')}\n</tbody></table></div>`;
}

export function rowOf(cells: readonly string[], anchor?: string): string {
  const id = anchor === undefined ? '' : ` id="${escape(anchor)}"`;
  return `<tr${id}>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

/** Fields of a message, each with an anchor of its own. */
export function fieldTable(rows: readonly Row[], anchor: string): string {
  return tableOf(
    ['Field', 'Type', 'Meaning'],
    rows.map((row) => rowOf([nameCell(row), typeCell(row), meaningCell(row)], `${anchor}.${row.path}`)),
  );
}

function nameCell({ name, depth, required, isVariant }: Row): string {
  const indent = `d${Math.min(depth, 4)}`;
  if (isVariant) return `<div class="${indent}"><em>${escape(name)}</em></div>`;
  return `<div class="${indent}"><code${required ? ' class="must"' : ''}>${escape(name)}</code></div>`;
}

function typeCell({ type, link: target, path }: Row): string {
  if (target === undefined) return escape(type);
  return `${path.endsWith('[]') ? 'array of ' : ''}${link(`type-${target}`, escape(target))}`;
}

function meaningCell({ description, constraints }: Row): string {
  const text = description === '' ? '' : `<p>${inline(description)}</p>`;
  return `${text}${boundsOf(constraints)}`;
}

function boundsOf(constraints: readonly string[]): string {
  return constraints.length === 0 ? '' : `<div class="bounds">${constraints.map(inline).join('; ')}</div>`;
}

export function typeTable(contract: Contract, types: readonly (readonly [string, Schema])[]): string {
  return tableOf(
    ['Type', 'Is', 'Meaning'],
    types.map(([name, schema]) =>
      rowOf(
        [
          `<code>${escape(name)}</code>`,
          escape(typeOf(contract, schema)),
          `<p>${inline(schema.description ?? '')}</p>${boundsOf(constraintsOf(schema))}`,
        ],
        `type-${name}`,
      ),
    ),
  );
}
