/**
 * Makes `llms.txt`: a list of the Markdown pages of the site, for tools that read them for a language model
 * (llmstxt.org).
 */
import type { Contract } from '../model.ts';
import { SECTIONS } from './draft.ts';
import type { Draft } from './draft.ts';

export function llmsText({ title, version, description }: Contract, drafts: readonly Draft[]): string {
  const sections = SECTIONS.map((section) => {
    const own = drafts.filter((draft) => draft.section === section);
    const lines = own.map(({ path, title: name, summary }) => `- [${name}](${path}.md): ${oneLine(summary)}`);
    return own.length === 0 ? '' : `## ${section}\n\n${lines.join('\n')}\n`;
  });
  const [opening = ''] = description.trim().split('\n\n');
  return `# ${title} ${version}

> ${oneLine(opening)}

The whole reference is one file: [all.md](all.md). Every page below is Markdown; the same address with \`.html\` is the page for people.

${sections.filter((each) => each !== '').join('\n')}`;
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}
