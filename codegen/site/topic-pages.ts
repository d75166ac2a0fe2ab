/** A page for each command, push, event and HTTP operation. */
import { code, escape, inline } from '../emit/reference/markup.ts';
import type { Group, Topic } from '../emit/reference/sections.ts';
import { groupsOf } from '../emit/reference/sections.ts';
import { topicText } from '../emit/reference/text.ts';
import { overviewHtml, topicBody } from '../emit/reference/topics.ts';
import type { Contract } from '../model.ts';
import { fileName } from './draft.ts';
import type { Draft, Section } from './draft.ts';
import { samplesHtml, samplesOf, samplesText } from './sample-blocks.ts';
import type { Tape } from './sources.ts';

const SECTION: Readonly<Record<string, Section>> = {
  commands: 'Commands',
  pushes: 'Pushes',
  events: 'Events',
  http: 'HTTP',
};

/** The pages of the topics, then the overview of each group. */
export function topicPages(contract: Contract, tapes: readonly Tape[]): readonly Draft[] {
  const folders = new Set(tapes.map(({ id }) => id.split('/')[0] ?? ''));
  const groups = groupsOf(contract);
  return [
    ...groups.flatMap((group) => group.topics.map((topic) => topicPage(contract, { group, topic, folders }))),
    ...groups.map(overviewPage),
  ];
}

interface Place {
  readonly group: Group;
  readonly topic: Topic;
  /** The folders that contain tapes. */
  readonly folders: ReadonlySet<string>;
}

function topicPage(contract: Contract, { group, topic, folders }: Place): Draft {
  const { anchor, name, kind, summary } = topic;
  const blocks = samplesOf(contract, anchor);
  return {
    path: `${group.anchor}/${fileName(anchor)}`,
    title: name,
    section: SECTION[group.anchor] ?? 'Lists',
    kind,
    summary,
    isName: true,
    tried: anchor,
    anchors: 'contract',
    html: `<h1 id="${escape(anchor)}" class="name">${escape(name)} <span class="kind">${kind}</span></h1>
${linkTapes(raiseHeadings(topicBody(contract, topic)), folders)}
${samplesHtml(blocks)}
<section class="try" id="try" data-operation="${escape(anchor)}" hidden></section>`,
    markdown: [...topicText(topic), ...samplesText(blocks)].join('\n\n').replace(/^###/, '#'),
  };
}

/** Raises the level of headings: on a separate page, the sections of a topic are of the second level. */
export function raiseHeadings(html: string): string {
  return html.replaceAll(/(<\/?)h4\b/g, '$1h2');
}

/** Changes links to a folder of tapes to links to the page of this folder. */
function linkTapes(html: string, folders: ReadonlySet<string>): string {
  return html.replaceAll(/<code>conformance\/tapes\/([a-z0-9_]+)\/<\/code>/g, (text, folder: string) =>
    folders.has(folder) ? `<a href="#tapes-${folder}">${text}</a>` : text,
  );
}

function overviewPage(group: Group): Draft {
  const { anchor, title, lead, topics } = group;
  const lines = topics.map((topic) => `- [\`${topic.name}\`](#${topic.anchor}) ${topic.summary.trim()}`);
  return {
    path: anchor,
    title,
    section: SECTION[anchor] ?? 'Lists',
    kind: 'overview',
    summary: lead,
    isName: false,
    anchors: 'contract',
    html: `<h1 id="${anchor}">${escape(title)}</h1>\n<p class="lead">${inline(lead)}</p>\n${overviewHtml(topics)}`,
    markdown: `# ${title}\n\n${lead}\n\n${lines.join('\n')}`,
  };
}

/** Names of tapes as links. */
export function tapeLinks(tapes: readonly Tape[]): string {
  return tapes.map(({ id, why }) => `<li><a href="#${escape(id)}">${code(id)}</a> ${escape(why)}</li>`).join('\n');
}
