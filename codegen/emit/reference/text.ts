/** Emits `docs/reference/protocol.md`: the reference as Markdown, for readers of the repository. */
import type { Contract } from '../../model.ts';
import { constraintsOf, typeOf } from './fields.ts';
import type { Row } from './fields.ts';
import { clausesOf, listsOf, rounded } from './lists.ts';
import type { Cell, List, Table, ReferenceClause } from './lists.ts';
import { prettyJson } from './markup.ts';
import { errorShape, groupsOf, simpleTypes } from './sections.ts';
import type { Fact, Mention, Shape, Topic } from './sections.ts';

export function emitReferenceText(contract: Contract): string {
  const { title, version, description, digest } = contract;
  const parts = [
    `# ${title} protocol ${version}`,
    `<!-- Generated from asyncapi.yaml by \`npm run generate\`. Do not edit: change the contract and generate again. -->`,
    description.trim(),
    'The page [index.html](index.html), also at `/docs` of any running gateway, additionally has every example and a link for each field.',
    ...connectionText(contract),
    ...groupsOf(contract).flatMap(({ title: name, lead, topics }) => [
      `## ${name}`,
      lead,
      ...topics.flatMap(topicText),
    ]),
    ...listsOf(contract).flatMap((list) => listText(contract, list)),
    '## Types',
    typesText(contract),
    '## Clauses',
    ...clausesOf(contract).map(clauseText),
    `Contract digest: \`${digest}\``,
  ];
  return `${parts.join('\n\n')}\n`;
}

export function typesText(contract: Contract): string {
  return simpleTypes(contract)
    .map(([name, schema]) => typeText(contract, name, schema))
    .join('\n');
}

type NamedSchema = ReturnType<typeof simpleTypes>[number][1];

function typeText(contract: Contract, name: string, schema: NamedSchema): string {
  return `- ${anchorOf(`type-${name}`)}\`${name}\` ${typeOf(contract, schema)}: ${oneLine(schema.description ?? '')}${bounds(constraintsOf(schema))}`;
}

export function connectionText({ path, subprotocol, connection: about }: Contract): string[] {
  return [
    '## The connection',
    `WebSocket at \`${path}\`, subprotocol \`${subprotocol}\`. ${oneLine(about.description)}`,
    clauseLinks(about.requirements),
  ];
}

function clauseLinks(ids: readonly string[]): string {
  return `Clauses: ${ids.map((id) => `[${id}](#${id.toLowerCase()})`).join(', ')}`;
}

export function topicText({ name, anchor, summary, description, facts, clauses: cited, shapes }: Topic): string[] {
  return [
    `### ${name}`,
    ...(name === anchor ? [] : [anchorOf(anchor)]),
    `**${oneLine(summary)}** ${oneLine(description)}`.trim(),
    facts.map(factText).join('\n'),
    ...shapes.flatMap(shapeText),
    ...(cited.length === 0 ? [] : [clauseLinks(cited)]),
  ];
}

function factText({ term, mentions }: Fact): string {
  return `- ${term}: ${mentionsText(mentions)}`;
}

function mentionsText(mentions: readonly Mention[]): string {
  return mentions.map(mentionText).join(', ');
}

function mentionText({ text, anchor, file, note = '' }: Mention): string {
  const target = file === undefined ? anchor && `#${anchor}` : `../../${file}`;
  const name = target === undefined ? `\`${text}\`` : `[\`${text}\`](${target})`;
  return `${name} ${note}`.trimEnd();
}

function shapeText({ title, text, rows, examples, anchor }: Shape): string[] {
  const [first] = examples;
  return [
    ...(anchor === undefined ? [] : [anchorOf(anchor)]),
    `**${title}.** ${oneLine(text)}`.trim(),
    ...(rows.length === 0 ? [] : [rows.map(rowText).join('\n')]),
    ...(first === undefined ? [] : [`\`\`\`json\n${prettyJson(first.payload)}\n\`\`\``]),
  ];
}

function rowText({ name, depth, required, type, link, description, constraints, isVariant, more }: Row): string {
  const indent = '  '.repeat(depth);
  if (isVariant) return `${indent}- *${name}* ${oneLine(description)}`.trimEnd();
  const shown = more === undefined ? `\`${name}\`` : `[\`${name}\`](#${more})`;
  const linked = link === undefined ? type : `${link.ofItems ? 'array of ' : ''}[${link.name}](#type-${link.name})`;
  return `${indent}- ${shown} ${linked}${required ? ', required' : ''}: ${oneLine(description)}${bounds(constraints)}`;
}

function bounds(constraints: readonly string[]): string {
  return constraints.length === 0 ? '' : ` (${constraints.join('; ')})`;
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}

/** Makes an anchor with the same name as on the HTML page. Markdown itself makes anchors only for headings. */
function anchorOf(name: string): string {
  return `<a id="${name}"></a>`;
}

export function listText(contract: Contract, { anchor, title, lead, text, tables }: List): string[] {
  const error = anchor === 'errors' ? shapeText(errorShape(contract)) : [];
  return [`## ${title}`, lead, ...error, ...(text === '' ? [] : [text]), ...tables.flatMap(tableText)];
}

function tableText({ title, heads, lines }: Table): string[] {
  const rows = lines.map(
    ({ name, anchor, cells }) => `| ${[`${anchorOf(anchor)}\`${name}\``, ...cells.map(cellText)].join(' | ')} |`,
  );
  const table = [`| ${heads.join(' | ')} |`, `|${'---|'.repeat(heads.length)}`, ...rows].join('\n');
  return title === '' ? [table] : [`**${title}**`, table];
}

function cellText(cell: Cell): string {
  if (typeof cell === 'string') return oneLine(cell).replaceAll('|', '\\|');
  if (!('amount' in cell)) return mentionsText(cell);
  const human = rounded(cell);
  return `${cell.amount}${cell.role === 'value' ? ` ${cell.unit}` : ''}${human === '' ? '' : ` (${human})`}`;
}

export function clauseText({ id, text, note, citedBy }: ReferenceClause): string {
  const level = note === '' ? '' : ` (${note})`;
  const cited =
    citedBy.length === 0
      ? ''
      : ` Cited by ${citedBy.map((each) => `[${each}](#${each === 'connection' ? 'the-connection' : each})`).join(', ')}.`;
  return `#### ${id}\n\n${oneLine(text)}${level}${cited}`;
}
