/** A table that can be sorted by each column. */
import { Component, h } from 'preact';
import type { ComponentChild } from 'preact';

export interface Column<Row> {
  readonly title: string;
  /** The value by which the column sorts. */
  readonly value: (row: Row) => number | string;
  /** The content of a cell, if it differs from the value. */
  readonly show?: (row: Row) => ComponentChild;
}

export interface DataTableProps<Row> {
  /** The name of the table for assistive technology. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly classOf?: (row: Row) => string;
  /** The title of the column by which the table is sorted at first, in descending order. */
  readonly sortBy: string;
  /** Text that is shown if there are no rows. */
  readonly empty: string;
}

interface Sorting {
  readonly title: string;
  readonly direction: 'ascending' | 'descending';
}

/** The maximum number of rows that are drawn, because many more rows slow down a browser. */
const DRAWN = 200;

export class DataTable<Row> extends Component<DataTableProps<Row>, Sorting> {
  override state: Sorting = { title: this.props.sortBy, direction: 'descending' };

  render({ label, columns, rows, keyOf, classOf, empty }: DataTableProps<Row>): ComponentChild {
    const sorted = this.#sorted(rows, columns);
    const body =
      rows.length === 0
        ? [h('tr', { key: '' }, h('td', { colSpan: columns.length, class: 'empty' }, empty))]
        : sorted.slice(0, DRAWN).map((row) =>
            h(
              'tr',
              { key: keyOf(row), class: classOf?.(row) ?? '' },
              columns.map(({ title, value, show }) =>
                h('td', { key: title, 'data-title': title }, show?.(row) ?? value(row)),
              ),
            ),
          );
    const more = sorted.length - DRAWN;
    return h(
      'div',
      { class: 'scroll', role: 'region', 'aria-label': label, tabIndex: 0 },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            columns.map((column) => this.#heading(column)),
          ),
        ),
        h('tbody', {}, body),
      ),
      more > 0 ? h('p', { class: 'empty' }, `${more} more rows: narrow the list with the field Find.`) : null,
    );
  }

  #heading({ title }: Column<Row>): ComponentChild {
    if (title === '') return h('th', { key: title }, h('span', { class: 'hidden' }, 'Actions'));
    const { title: current, direction } = this.state;
    const sort = title === current ? direction : 'none';
    const mark = { none: '', ascending: ' ↑', descending: ' ↓' }[sort];
    const onClick = (): void => this.setState({ title, direction: sort === 'descending' ? 'ascending' : 'descending' });
    return h('th', { key: title, 'aria-sort': sort }, h('button', { type: 'button', onClick }, `${title}${mark}`));
  }

  #sorted(rows: readonly Row[], columns: readonly Column<Row>[]): readonly Row[] {
    const { title, direction } = this.state;
    const column = columns.find((each) => each.title === title);
    if (column === undefined) return rows;
    const sign = direction === 'ascending' ? 1 : -1;
    return rows.toSorted((a, b) => sign * compare(column.value(a), column.value(b)));
  }
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b));
}
