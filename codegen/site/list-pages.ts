/** The connection, the lists, the types, the clauses and the tapes: one page each. */
import type { Contract } from '../model.ts';
import { clausesOf, listsOf } from '../emit/reference/lists.ts';
import { escape, inline, link } from '../emit/reference/markup.ts';
import { connectionBody, listBody, typesBody } from '../emit/reference/page.ts';
import { clauseText, connectionText, listText, typesText } from '../emit/reference/text.ts';
import type { Draft, Section } from './draft.ts';
import type { Tape } from './sources.ts';
import { raiseHeadings, tapeLinks } from './topic-pages.ts';

const LIST_SECTION: Readonly<Record<string, Section>> = { errors: 'Errors', 'close-codes': 'Close codes' };

export function listPages(contract: Contract, tapes: readonly Tape[]): readonly Draft[] {
  const plain = { kind: 'list', section: 'Lists', isName: false, anchors: 'contract' } as const;
  return [
    {
      ...plain,
      path: 'connection',
      title: 'The connection',
      summary: 'The handshake, a short conversation, and the requirements for every connection.',
      html: `<h1 id="connection">The connection</h1>\n${raiseHeadings(connectionBody(contract))}`,
      markdown: connectionText(contract).join('\n\n').replace(/^##/, '#'),
    },
    ...listsOf(contract).map((list) => ({
      ...plain,
      path: list.anchor,
      title: list.title,
      section: LIST_SECTION[list.anchor] ?? plain.section,
      summary: list.lead,
      html: `<h1 id="${list.anchor}">${escape(list.title)}</h1>\n${raiseHeadings(listBody(contract, list))}`,
      markdown: listText(contract, list).join('\n\n').replace(/^##/, '#'),
    })),
    {
      ...plain,
      path: 'types',
      title: 'Types',
      summary: 'The simple types that the tables of fields link to.',
      html: `<h1 id="types">Types</h1>\n${typesBody(contract)}`,
      markdown: `# Types\n\n${typesText(contract)}`,
    },
    clausesPage(contract, tapes),
  ];
}

function clausesPage(contract: Contract, tapes: readonly Tape[]): Draft {
  const lead = 'The requirements for every implementation. Tests and tapes cite these ids, which are never reused.';
  const proofs = (id: string): readonly Tape[] => tapes.filter(({ clauses }) => clauses.includes(id));
  const all = clausesOf(contract);
  const items = all.map(({ id, text, note, citedBy }) => {
    const level = note === '' ? '' : ` <span class="kind">${escape(note)}</span>`;
    const cited = citedBy.map((anchor) => link(anchor, escape(anchor))).join(', ');
    const shown = proofs(id);
    return `<div id="${escape(id)}"><dt>${link(id, escape(id))}</dt><dd>${inline(text)}${level}
${cited === '' ? '' : `<p class="bounds">Cited by ${cited}</p>`}
${shown.length === 0 ? '' : `<details class="cited"><summary>Tapes <span>${shown.length}</span></summary><ul class="tapes">${tapeLinks(shown)}</ul></details>`}</dd></div>`;
  });
  const texts = all.flatMap((clause) => [
    clauseText(clause),
    ...(proofs(clause.id).length === 0
      ? []
      : [
          `Tapes: ${proofs(clause.id)
            .map(({ id }) => `[${id}](#${id})`)
            .join(', ')}`,
        ]),
  ]);
  return {
    path: 'clauses',
    title: 'Clauses',
    section: 'Lists',
    kind: 'list',
    isName: false,
    anchors: 'contract',
    summary: lead,
    html: `<h1 id="clauses">Clauses</h1>\n<p class="lead">${lead}</p>\n<dl class="rules">\n${items.join('\n')}\n</dl>`,
    markdown: ['# Clauses', lead, ...texts].join('\n\n'),
  };
}

/** One page for each folder of tapes, and an overview. */
export function tapePages(tapes: readonly Tape[]): readonly Draft[] {
  const folders = Map.groupBy(tapes, ({ id }) => id.split('/')[0] ?? '');
  const lead =
    'A tape is a scripted test: what each client sends, and which frames it must receive. The conformance suite runs every tape against a server.';
  const overview = [...folders].map(([folder, own]) => ({
    folder,
    text: `${own.length} ${own.length === 1 ? 'tape' : 'tapes'}`,
  }));
  return [
    ...[...folders].map(([folder, own]) => tapePage(folder, own)),
    {
      path: 'tapes',
      title: 'Tapes',
      section: 'Tapes' as const,
      kind: 'overview',
      isName: false,
      anchors: 'contract' as const,
      summary: lead,
      html: `<h1 id="tapes">Tapes</h1>\n<p class="lead">${lead}</p>\n<ul class="overview">${overview.map(({ folder, text }) => `<li>${link(`tapes-${folder}`, `<code>${escape(folder)}</code>`)} <span>${text}</span></li>`).join('\n')}</ul>`,
      markdown: `# Tapes\n\n${lead}\n\n${overview.map(({ folder, text }) => `- [\`${folder}\`](#tapes-${folder}) ${text}`).join('\n')}`,
    },
  ];
}

function tapePage(folder: string, tapes: readonly Tape[]): Draft {
  const sections = tapes.map(({ id, why, clauses, steps }) => {
    const cited = clauses.map((clause) => link(clause, escape(clause))).join(' ');
    return `<section class="tape"><h2 id="${escape(id)}" class="name">${escape(id.slice(folder.length + 1))}</h2>
<p>${inline(why)} <span class="bounds">${cited}</span></p>
<details class="example"><summary>Steps <span class="bounds">${steps.length}</span></summary><pre tabindex="0"><code>${escape(steps.join('\n'))}</code></pre></details></section>`;
  });
  const texts = tapes.map(({ id, why, clauses, steps }) => {
    const cited = clauses.map((clause) => `[${clause}](#${clause})`).join(', ');
    return `## ${id}\n\n${why} ${cited}\n\n\`\`\`json\n${steps.join('\n')}\n\`\`\``;
  });
  return {
    path: `tapes/${folder}`,
    title: `Tapes: ${folder}`,
    section: 'Tapes',
    kind: 'tapes',
    isName: true,
    anchors: 'contract',
    summary: `The tapes of \`${folder}\`.`,
    html: `<h1 id="tapes-${folder}" class="name">${escape(folder)} <span class="kind">tapes</span></h1>\n${sections.join('\n')}`,
    markdown: `# Tapes: ${folder}\n\n${texts.join('\n\n')}`,
  };
}
