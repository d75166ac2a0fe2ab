/** The sections of operations and events on the page. */
import type { Contract, Example } from '../../model.ts';
import { colourJson, code, escape, inline, link, paragraphs, prettyJson } from './markup.ts';
import type { Fact, Group, Shape, Topic } from './sections.ts';
import { fieldTable, mentionsHtml } from './tables.ts';

export function groupHtml(contract: Contract, { anchor, title, lead, topics }: Group): string {
  return `<section class="chapter">
<h2 id="${anchor}">${link(anchor, escape(title))}</h2>
<p class="lead">${inline(lead)}</p>
${overviewHtml(topics)}
${topics.map((topic) => topicHtml(contract, topic)).join('\n')}
</section>`;
}

export function overviewHtml(topics: readonly Topic[]): string {
  return `<ul class="overview">
${topics.map((topic) => `<li>${link(topic.anchor, code(topic.name))} <span>${inline(topic.summary)}</span></li>`).join('\n')}
</ul>`;
}

function topicHtml(contract: Contract, topic: Topic): string {
  const { anchor, name, kind } = topic;
  return `<section class="topic">
<h3 id="${escape(anchor)}">${link(anchor, escape(name))} <span class="kind">${kind}</span></h3>
${topicBody(contract, topic)}
</section>`;
}

/** Everything below the heading of a topic. */
export function topicBody(contract: Contract, { summary, description, facts, clauses, shapes }: Topic): string {
  return `<p class="summary">${inline(summary)}</p>
${paragraphs(description)}
${factsHtml(facts)}
${shapes.map(shapeHtml).join('\n')}
${clauseDetails(contract, clauses)}`;
}

function factsHtml(facts: readonly Fact[]): string {
  const items = facts.map(({ term, mentions }) => `<div><dt>${term}</dt><dd>${mentionsHtml(mentions)}</dd></div>`);
  return items.length === 0 ? '' : `<dl class="facts">\n${items.join('\n')}\n</dl>`;
}

export function shapeHtml({ title, text, rows, examples, errorPointers, prefix, anchor }: Shape): string {
  const refusals = Object.entries(errorPointers).map(
    ([pointer, name]) => `${link(`error-${name}`, code(name))} at ${code(pointer)}`,
  );
  const heading = anchor === undefined ? '<h4>' : `<h4 id="${escape(anchor)}">`;
  return `${heading}${escape(title)}</h4>
${paragraphs(text)}
${rows.length === 0 ? '' : fieldTable(rows, prefix)}
${refusals.length === 0 ? '' : `<p class="lead">Error codes of invalid values: ${refusals.join(', ')}; ${link('error-invalid_message', code('invalid_message'))} for all other fields.</p>`}
${examples.map(exampleHtml).join('\n')}`;
}

/** The first example is open, the others are collapsed. */
function exampleHtml({ name, summary, payload }: Example, index: number): string {
  const title = summary === '' ? escape(name) : inline(summary);
  return `<details class="example"${index === 0 ? ' open' : ''}><summary>${title}</summary>${jsonHtml(payload)}</details>`;
}

export function jsonHtml(value: unknown): string {
  return `<pre tabindex="0"><code>${colourJson(prettyJson(value))}</code></pre>`;
}

/** The clauses that an implementation must satisfy, by id. Their texts are collapsed. */
function clauseDetails(contract: Contract, ids: readonly string[]): string {
  if (ids.length === 0) return '';
  const links = ids.map((id) => `<span>${escape(id)}</span>`).join(' ');
  return `<details class="cited"><summary>Clauses ${links}</summary>\n${clauseList(contract, ids)}\n</details>`;
}

export function clauseList(contract: Contract, ids: readonly string[]): string {
  const items = ids.map((id) => {
    const text = contract.clauses[id]?.text ?? '';
    return `<div><dt>${link(id, escape(id))}</dt><dd>${inline(text)}</dd></div>`;
  });
  return `<dl class="rules">\n${items.join('\n')}\n</dl>`;
}
