/** Emits `docs/reference/index.html`: the whole contract as one page that needs neither a network nor JavaScript. */
import type { Contract } from '../../model.ts';
import { clausesOf, listsOf } from './lists.ts';
import type { List } from './lists.ts';
import { code, escape, inline, link, paragraphs } from './markup.ts';
import { errorShape, groupsOf, simpleTypes } from './sections.ts';
import type { Group } from './sections.ts';
import { STYLE } from './style.ts';
import { listTable, typeTable } from './tables.ts';
import { clauseList, groupHtml, jsonHtml, shapeHtml } from './topics.ts';

export function emitReferencePage(contract: Contract): string {
  const { title, version, digest, license } = contract;
  const groups = groupsOf(contract);
  const lists = listsOf(contract);
  const name = `${escape(title)} <span>${escape(version)}</span>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)} protocol ${escape(version)}</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#reading">To the text</a>
<div class="bar" id="bar"><strong>${name}</strong>${link('contents', 'Contents')}</div>
<nav id="contents" aria-label="Contents">
<div class="top"><strong>${name}</strong>${link('bar', 'Close')}</div>
${navigation(groups, lists)}
</nav>
<main>
${introduction(contract)}
${connection(contract)}
${groups.map((group) => groupHtml(contract, group)).join('\n')}
${lists.map((list) => listHtml(contract, list)).join('\n')}
${types(contract)}
${clauses(contract)}
<footer>Generated from the contract of ${escape(title)} ${escape(version)}, ${code(digest)}. Licensed under ${escape(license)}.</footer>
</main>
</body>
</html>
`;
}

interface Entry {
  readonly anchor: string;
  readonly text: string;
}

function navigation(groups: readonly Group[], lists: readonly List[]): string {
  const sections = groups.map(({ anchor, title, topics }) => {
    const entries = topics.map((topic) => ({ anchor: topic.anchor, text: topic.name }));
    return `<h2>${link(anchor, escape(title))}</h2>\n${entryList(entries, 'names')}`;
  });
  const start = [
    { anchor: 'reading', text: 'How to read this page' },
    { anchor: 'connection', text: 'The connection' },
  ];
  const rest = [
    ...lists.map(({ anchor, title }) => ({ anchor, text: title })),
    { anchor: 'types', text: 'Types' },
    { anchor: 'clauses', text: 'Clauses' },
  ];
  return [entryList(start, 'plain'), ...sections, '<h2>Lists</h2>', entryList(rest, 'plain')].join('\n');
}

function entryList(entries: readonly Entry[], kind: 'names' | 'plain'): string {
  const items = entries.map(({ anchor, text }) => `<li>${link(anchor, escape(text))}</li>`);
  return `<ul class="${kind}">\n${items.join('\n')}\n</ul>`;
}

function introduction(contract: Contract): string {
  return `<h1 id="reading">${escape(contract.title)} protocol</h1>
${paragraphs(contract.description).replace('<p>', '<p class="opening">')}
<ul class="hints">
<li>Every item and every field has its own link, such as ${addresses(contract)}.</li>
<li>A field marked <span class="must">required</span> is always present; other fields may be absent but are never null.</li>
<li>The name of an operation is also the name of its handler, of its type in ${code('generated/types.ts')} and of its folder of tapes.
JSON Schemas are in ${code('generated/schemas/')}.</li>
<li>Ids such as ${firstClause(contract)} name a clause: a requirement for every implementation, in any language.</li>
<li>The examples are part of the contract, and tests check them against its schemas.</li>
</ul>`;
}

/** Shows one example of each kind of anchor. */
function addresses(contract: Contract): string {
  const first = (names: Readonly<Record<string, unknown>>, prefix: string): readonly string[] =>
    Object.keys(names)
      .slice(0, 1)
      .map((name) => `${prefix}${name}`);
  const anchors = [
    ...contract.commands.slice(0, 1).map(({ name }) => name),
    ...contract.events.slice(0, 1).map(({ message }) => message),
    ...first(contract.errors, 'error-'),
    ...first(contract.closeCodes, 'close-'),
    ...first(contract.limits, 'limit-'),
    ...first(contract.clauses, ''),
  ];
  return anchors.map((anchor) => link(anchor, code(`#${anchor}`))).join(', ');
}

function firstClause({ clauses: all }: Contract): string {
  const [id = ''] = Object.keys(all);
  return link(id, escape(id));
}

function connection(contract: Contract): string {
  return `<section class="chapter">
<h2 id="connection">${link('connection', 'The connection')}</h2>
${connectionBody(contract)}
</section>`;
}

/** The content below the heading of the connection chapter. */
export function connectionBody(contract: Contract): string {
  const { subprotocol, path, connection: about } = contract;
  return `${paragraphs(about.description)}
<h4>The handshake</h4>
<pre tabindex="0"><code>GET ${escape(path)} HTTP/1.1
Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Version: 13
Sec-WebSocket-Protocol: <span class="s">${escape(subprotocol)}</span></code></pre>
<h4>A short conversation</h4>
<ol class="dialogue">
${conversation(contract).join('\n')}
</ol>
<h4>Requirements for every connection</h4>
${clauseList(contract, about.requirements)}`;
}

/** The first example of each message in a simple conversation, in order. */
function conversation(contract: Contract): readonly string[] {
  const { commands, events, messages } = contract;
  const [command] = commands;
  const [event] = events;
  const names = ['welcome', command?.name, command?.reply, event?.message, 'heartbeat', 'closing'];
  return names
    .map((name) => (name === undefined ? undefined : messages[name]))
    .filter((message) => message !== undefined)
    .map(({ name, summary, examples }) => {
      const sender = commands.some((each) => each.name === name) ? 'client' : 'server';
      return `<li class="${sender}"><details><summary><span class="from">${sender}</span> ${code(name)} <span>${inline(summary)}</span></summary>
${examples
  .slice(0, 1)
  .map(({ payload }) => jsonHtml(payload))
  .join('')}</details></li>`;
    });
}

function listHtml(contract: Contract, list: List): string {
  const { anchor, title } = list;
  return `<section class="chapter">
<h2 id="${anchor}">${link(anchor, escape(title))}</h2>
${listBody(contract, list)}
</section>`;
}

/** The content below the heading of a list. */
export function listBody(contract: Contract, { anchor, lead, text, tables }: List): string {
  const tablesHtml = tables.map(
    (table) => `${table.title === '' ? '' : `<h4>${inline(table.title)}</h4>\n`}${listTable(table)}`,
  );
  return `<p class="lead">${inline(lead)}</p>
${anchor === 'errors' ? shapeHtml(errorShape(contract)) : ''}
${paragraphs(text)}
${tablesHtml.join('\n')}`;
}

function types(contract: Contract): string {
  return `<section class="chapter">
<h2 id="types">${link('types', 'Types')}</h2>
${typesBody(contract)}
</section>`;
}

export function typesBody(contract: Contract): string {
  return `<p class="lead">The simple types that the tables of fields link to. Objects are described where they are used.</p>
${typeTable(contract, simpleTypes(contract))}`;
}

function clauses(contract: Contract): string {
  const items = clausesOf(contract).map(({ id, text, note, citedBy }) => {
    const where = citedBy.map((anchor) => link(anchor, escape(anchor))).join(', ');
    const level = note === '' ? '' : ` <span class="kind">${escape(note)}</span>`;
    const cited = where === '' ? '' : `<p class="bounds">Cited by ${where}</p>`;
    return `<div id="${escape(id)}"><dt>${link(id, escape(id))}</dt><dd>${inline(text)}${level}${cited}</dd></div>`;
  });
  return `<section class="chapter">
<h2 id="clauses">${link('clauses', 'Clauses')}</h2>
<p class="lead">The requirements for every implementation. Tests and tapes cite these ids, which are never reused.</p>
<dl class="rules">
${items.join('\n')}
</dl>
</section>`;
}
