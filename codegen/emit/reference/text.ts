/** `docs/reference/protocol.md`: the reference for those who read it where the sources are. */
import type { Contract } from '../../model.ts';
import type { Row } from './fields.ts';
import { prettyJson } from './markup.ts';
import { commandTopic, eventTopic, httpTopic, pushTopic } from './sections.ts';
import type { Shape, Topic } from './sections.ts';

export function emitReferenceText(contract: Contract): string {
  const { title, version, description, commands, pushes, events, customEvent, http, digest } = contract;
  const groups: readonly (readonly [string, readonly Topic[]])[] = [
    ['Commands', commands.map((each) => commandTopic(contract, each))],
    ['Pushes', pushes.map((each) => pushTopic(contract, each))],
    ['Events', [...events, customEvent].map((each) => eventTopic(contract, each))],
    ['HTTP', http.map((each) => httpTopic(contract, each))],
  ];
  const parts = [
    `# ${title} protocol ${version}`,
    `<!-- Generated from asyncapi.yaml by \`npm run generate\`. Do not edit: change the contract and generate again. -->`,
    description.trim(),
    'The same with examples, types and deep links: [index.html](index.html), or `/docs` on any running gateway.',
    ...groups.flatMap(([name, topics]) => [`## ${name}`, ...topics.flatMap(topicText)]),
    ...lists(contract),
    `Contract digest: \`${digest}\``,
  ];
  return `${parts.join('\n\n')}\n`;
}

function topicText(topic: Topic): string[] {
  const { name, summary, description, badges, scopes, clauses, places, shapes } = topic;
  const facts = [
    ...badges,
    ...scopes.map((scope) => `needs \`${scope}\``),
    ...(places.handler === undefined ? [] : [`handler [\`${places.handler}\`](../../${places.handler})`]),
    `types ${places.types.map((type) => `\`${type}\``).join(', ') || 'none'}`,
    `tapes \`${places.tapes}\``,
  ];
  return [
    `### ${name}`,
    `**${oneLine(summary)}** ${oneLine(description)}`,
    facts.join(' · '),
    ...shapes.flatMap(shapeText),
    ...(clauses.length === 0 ? [] : [`Clauses: ${clauses.map((id) => `[${id}](#${id.toLowerCase()})`).join(', ')}`]),
  ];
}

function shapeText({ title, rows, examples }: Shape): string[] {
  const [first] = examples;
  return [
    ...(rows.length === 0 ? [] : [`${title}:\n\n${rows.map(rowText).join('\n')}`]),
    ...(first === undefined ? [] : [`\`\`\`json\n${prettyJson(first.payload)}\n\`\`\``]),
  ];
}

function rowText({ name, depth, required, type, link, description, constraints, isVariant }: Row): string {
  const indent = '  '.repeat(depth);
  if (isVariant) return `${indent}- *${name}*`;
  const bounds = constraints.length === 0 ? '' : ` (${constraints.join('; ')})`;
  return `${indent}- \`${name}\` ${link ?? type}${required ? ', required' : ''}: ${oneLine(description)}${bounds}`.trimEnd();
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}

function lists(contract: Contract): string[] {
  const { errors, closeCodes, limits, filters, replayPolicies, gapReasons, scopes, clauses } = contract;
  const list = (entries: readonly (readonly [string, string])[]): string =>
    entries.map(([name, text]) => `- \`${name}\`: ${oneLine(text)}`).join('\n');
  return [
    '## Errors',
    list(
      Object.entries(errors).map(([name, { description, httpStatus }]) => [
        name,
        `${description} (HTTP ${httpStatus})`,
      ]),
    ),
    '## Close codes',
    list(Object.entries(closeCodes).map(([number, each]) => [number, `${each.name}. ${each.description}`])),
    '## Limits',
    list(
      Object.entries(limits).map(([name, { description, default: standard, unit, minimum, maximum }]) => [
        name,
        `${description} ${standard} ${unit}, from ${minimum} to ${maximum}.`,
      ]),
    ),
    '## Filters',
    list(Object.entries(filters).map(([name, each]) => [name, each.description])),
    '## Replay policies',
    list(Object.entries(replayPolicies)),
    '## Gap reasons',
    list(Object.entries(gapReasons)),
    '## Scopes',
    `\`${scopes.grammar}\`. ${oneLine(scopes.description)}`,
    list(Object.entries(scopes.kinds)),
    '## Clauses',
    ...Object.entries(clauses).map(([id, { text }]) => `#### ${id}\n\n${oneLine(text)}`),
  ];
}
