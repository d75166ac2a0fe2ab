/** `docs/reference/index.html`: the whole contract as one page that needs neither a network nor JavaScript. */
import type { Contract, Example } from '../../model.ts';
import { catalogue, clauses } from './catalogue.ts';
import type { Chapter } from './catalogue.ts';
import { rowsOf } from './fields.ts';
import { colourJson, escape, inline, link, paragraphs, prettyJson } from './markup.ts';
import { commandTopic, eventTopic, httpTopic, pushTopic, simpleTypes } from './sections.ts';
import type { Shape, Topic } from './sections.ts';
import { STYLE } from './style.ts';
import { fieldTable, typeTable } from './tables.ts';

interface Group {
  readonly anchor: string;
  readonly title: string;
  readonly lead: string;
  readonly topics: readonly Topic[];
}

export function emitReferencePage(contract: Contract): string {
  const groups = groupsOf(contract);
  const chapters = [...catalogue(contract), typesChapter(contract), clauses(contract)];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(contract.title)} protocol ${escape(contract.version)}</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#reading">To the text</a>
${navigation(contract, groups, chapters)}
<main>
${introduction(contract)}
${connection(contract)}
${groups.map(groupHtml).join('\n')}
${chapters.map(chapterHtml).join('\n')}
<footer>Generated from the contract ${escape(contract.version)}, ${escape(contract.digest)}. Licensed under ${escape(contract.license)}.</footer>
</main>
</body>
</html>
`;
}

function groupsOf(contract: Contract): readonly Group[] {
  const { commands, pushes, events, customEvent, http } = contract;
  return [
    {
      anchor: 'commands',
      title: 'Commands',
      lead: 'Asked by the client; each is answered by exactly one reply, or by an `error`.',
      topics: commands.map((each) => commandTopic(contract, each)),
    },
    {
      anchor: 'pushes',
      title: 'Pushes',
      lead: 'Volunteered by the server. They carry no `id`.',
      topics: pushes.map((each) => pushTopic(contract, each)),
    },
    {
      anchor: 'events',
      title: 'Events',
      lead: 'What streams consist of: the payloads of `event` messages, told apart by `data.event`.',
      topics: [...events, customEvent].map((each) => eventTopic(contract, each)),
    },
    {
      anchor: 'http',
      title: 'HTTP',
      lead: 'For operators and programs without a WebSocket. Bodies are plain JSON objects.',
      topics: http.map((each) => httpTopic(contract, each)),
    },
  ];
}

function navigation(contract: Contract, groups: readonly Group[], chapters: readonly Chapter[]): string {
  const lists = groups.map(({ anchor, title, topics }) => {
    const items = topics.map((topic) => `<li>${link(topic.anchor, escape(labelOf(topic)))}</li>`).join('\n');
    return `<details open><summary>${link(anchor, escape(title))}</summary>\n<ul>\n${items}\n</ul></details>`;
  });
  const start = [link('reading', 'How to read this'), link('connection', 'The connection')];
  const rest = chapters.map(({ anchor, title }) => link(anchor, escape(title)));
  const plainList = (links: readonly string[]): string =>
    `<ul>\n${links.map((each) => `<li>${each}</li>`).join('\n')}\n</ul>`;
  return `<nav aria-label="Contents">
<strong>${escape(contract.title)} ${escape(contract.version)}</strong>
${plainList(start)}
${lists.join('\n')}
<details open><summary>Tables</summary>
${plainList(rest)}
</details>
</nav>`;
}

function labelOf(topic: Topic): string {
  return topic.kind === 'http' ? (topic.badges[0] ?? topic.name) : topic.name;
}

function introduction(contract: Contract): string {
  return `<h1 id="reading">${escape(contract.title)} protocol</h1>
${paragraphs(contract.description)}
<p>Every section has an address of its own: <code>#subscribe</code>, <code>#file_change</code>, <code>#error-forbidden</code>,
<code>#close-4201</code>, <code>#limit-sendQueueBytes</code>, <code>#SUB-5</code>. Fields marked <code class="must"></code> are always there. Examples
are those of the contract, and are checked against it.</p>`;
}

function connection(contract: Contract): string {
  const { subprotocol, path, connection: about } = contract;
  return `<h2 id="connection">The connection</h2>
<ul class="facts"><li>WebSocket at <code>${escape(path)}</code></li><li>subprotocol <code>${escape(subprotocol)}</code></li></ul>
${paragraphs(about.description)}
${citationsOf(about.requirements)}`;
}

function groupHtml({ anchor, title, lead, topics }: Group): string {
  return `<h2 id="${anchor}">${escape(title)}</h2>\n<p class="lead">${inline(lead)}</p>\n${topics.map(topicHtml).join('\n')}`;
}

function topicHtml(topic: Topic): string {
  const { anchor, summary, description, badges, scopes, clauses: cited, places, shapes, event } = topic;
  const facts = [
    ...(topic.kind === 'http' ? [] : badges.map(escape)),
    ...scopes.map((scope) => `needs <code>${escape(scope)}</code>`),
    ...(event?.replay.key === undefined ? [] : [`kept per <code>${escape(event.replay.key)}</code>`]),
    ...Object.keys(event?.filterable ?? {}).map((field) => `filter ${link(`filter-${field}`, escape(field))}`),
  ];
  const list = facts.length === 0 ? '' : `<ul class="facts">${facts.map((fact) => `<li>${fact}</li>`).join('')}</ul>`;
  const heading = link(anchor, escape(labelOf(topic)));
  return `<section>
<h3 id="${escape(anchor)}">${heading}</h3>
<p><strong>${inline(summary)}</strong></p>
${paragraphs(description)}
${list}
${placesHtml(places)}
${shapes.map(shapeHtml).join('\n')}
${citationsOf(cited)}
</section>`;
}

/** Where the name leads in the repository. */
function placesHtml({ handler, types, tapes }: Topic['places']): string {
  const parts = [
    ...(handler === undefined ? [] : [`handler <code>${escape(handler)}</code>`]),
    ...types.map((type) => `type <code>${escape(type)}</code>`),
    `tapes <code>${escape(tapes)}</code>`,
  ];
  return `<p class="leads">${parts.join(' · ')}</p>`;
}

function shapeHtml({ title, text, rows, examples, errorPointers, anchor }: Shape): string {
  const refusals = Object.entries(errorPointers).map(
    ([pointer, name]) =>
      `a bad value at <code>${escape(pointer)}</code> is ${link(`error-${name}`, `<code>${escape(name)}</code>`)}`,
  );
  return `<h4>${escape(title)}</h4>
${text === '' ? '' : paragraphs(text)}
${rows.length === 0 ? '<p class="lead">No fields.</p>' : fieldTable(rows, anchor)}
${refusals.length === 0 ? '' : `<p class="leads">Here ${refusals.join(', ')}.</p>`}
${examples.map(exampleHtml).join('\n')}`;
}

function exampleHtml({ name, summary, payload }: Example, index: number): string {
  const open = index === 0 ? ' open' : '';
  const title = summary === '' ? escape(name) : inline(summary);
  return `<details class="example"${open}><summary>${title}</summary><pre>${colourJson(prettyJson(payload))}</pre></details>`;
}

function citationsOf(ids: readonly string[]): string {
  if (ids.length === 0) return '';
  return `<p class="clauses">${ids.map((id) => link(id, escape(id))).join(' ')}</p>`;
}

function typesChapter(contract: Contract): Chapter {
  const error = contract.messages['error'];
  const fields =
    error === undefined
      ? ''
      : `<h4>error data</h4>\n${fieldTable(errorRows(contract, error.schema), 'error.data')}\n${error.examples.map(exampleHtml).join('\n')}`;
  return {
    anchor: 'types',
    title: 'Types',
    lead: 'What the tables above link to, and the `error` message.',
    body: `${fields}\n${typeTable(contract, simpleTypes(contract))}`,
  };
}

function errorRows(contract: Contract, schema: string) {
  const whole = contract.schemas[schema];
  return rowsOf(contract, whole?.properties?.['data'] ?? {});
}

function chapterHtml({ anchor, title, lead, body }: Chapter): string {
  return `<h2 id="${anchor}">${escape(title)}</h2>\n<p class="lead">${inline(lead)}</p>\n${body}`;
}
