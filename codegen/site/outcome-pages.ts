/** A page for each error and each close code: what it means, and what to do. */
import type { Contract } from '../model.ts';
import { code, escape, inline, link, prettyJson } from '../emit/reference/markup.ts';
import { jsonHtml } from '../emit/reference/topics.ts';
import type { Draft } from './draft.ts';
import type { Tape } from './sources.ts';
import { tapeLinks } from './topic-pages.ts';

interface Fact {
  readonly term: string;
  /** Text with code in backquotes, and names of the contract as `[name](#anchor)`. */
  readonly text: string;
}

interface Outcome {
  readonly heading: string;
  readonly anchor: string;
  readonly description: string;
  /** What to do, in paragraphs. */
  readonly advice: readonly string[];
  readonly facts: readonly Fact[];
  readonly examples: readonly unknown[];
  readonly tapes: readonly Tape[];
}

export function errorPages(contract: Contract, tapes: readonly Tape[]): readonly Draft[] {
  return Object.entries(contract.errors).map(([name, { description, advice, retryable, httpStatus, counts }]) => {
    const retry = retryable
      ? 'The same command may succeed later: wait for `retryAfterMs`, or if it is missing, wait longer after each attempt. Then send the command again.'
      : 'The same command fails again: change it before you send it again.';
    return {
      ...pageOf({
        heading: name,
        anchor: `error-${name}`,
        description,
        advice: [...(advice === undefined ? [] : [advice]), retry],
        facts: [
          { term: 'Retry unchanged', text: retryable ? 'yes' : 'no' },
          { term: 'HTTP status', text: String(httpStatus) },
          ...(counts === undefined
            ? []
            : [
                {
                  term: 'Counts as',
                  text: 'invalid message; too many invalid messages close the connection with [4000](#close-4000) (ERR-2)',
                },
              ]),
          ...pointersOf(contract, name),
          {
            term: 'Sent as',
            text: '[the error message](#error), which has `code`, `message`, `retryable`, and where useful `retryAfterMs`, `pointer` and `details`',
          },
        ],
        examples: examplesWith(contract, name),
        tapes: tapes.filter(({ steps }) => steps.some((step) => step.includes(`"code":"${name}"`))),
      }),
      path: `errors/${name}`,
      section: 'Errors',
      kind: 'error',
    };
  });
}

/** The places where an invalid value causes this error. */
function pointersOf({ messages, http }: Contract, name: string): readonly Fact[] {
  // The body of an HTTP request has no page of its own, so link to the page of the operation.
  const anchorOf = (message: string): string => http.find(({ request }) => request === message)?.name ?? message;
  const found = Object.values(messages).flatMap((message) =>
    Object.entries(message.errorPointers)
      .filter(([, each]) => each === name)
      .map(([pointer]) => `\`${pointer}\` of [${message.name}](#${anchorOf(message.name)})`),
  );
  return found.length === 0 ? [] : [{ term: 'Invalid value at', text: found.join(', ') }];
}

function examplesWith({ messages }: Contract, name: string): readonly unknown[] {
  const examples = messages['error']?.examples ?? [];
  return examples
    .map(({ payload }) => payload)
    .filter((payload) => JSON.stringify(payload).includes(`"code":"${name}"`));
}

export function closeCodePages(contract: Contract, tapes: readonly Tape[]): readonly Draft[] {
  const { closeCodes, closeClasses } = contract;
  return Object.entries(closeCodes).map(([number, { name, class: family, description, advice }]) => ({
    ...pageOf({
      heading: `${number} ${name}`,
      anchor: `close-${number}`,
      description,
      advice: [
        ...(advice === undefined ? [] : [advice]),
        `For every close code of this class: ${closeClasses[family] ?? family}`,
      ],
      facts: [
        { term: 'Class', text: `\`${family}\` (CON-6)` },
        { term: 'Announced by', text: '[closing](#closing), before the close frame where possible' },
      ],
      examples: [],
      tapes: tapes.filter(({ steps }) => steps.some((step) => isClosedWith(step, number))),
    }),
    path: `close-codes/${number}`,
    section: 'Close codes',
    kind: 'close code',
  }));
}

/** Whether a step has the code in a close frame or in a `closing` message. The same number elsewhere does not count. */
function isClosedWith(step: string, number: string): boolean {
  return ['"closed":', '"drop":', '"type":"closing","data":'].some((place) =>
    step.includes(`${place}{"code":${number}`),
  );
}

function pageOf({
  heading,
  anchor,
  description,
  advice,
  facts,
  examples,
  tapes,
}: Outcome): Omit<Draft, 'path' | 'section' | 'kind'> {
  const rows = facts.map(({ term, text }) => `<div><dt>${escape(term)}</dt><dd>${linked(text)}</dd></div>`);
  const shown = examples.map(
    (each) => `<details class="example" open><summary>Example</summary>${jsonHtml(each)}</details>`,
  );
  return {
    title: heading,
    summary: description,
    isName: true,
    anchors: 'contract',
    html: `<h1 id="${anchor}" class="name">${escape(heading)} <span class="kind">${anchor.startsWith('close') ? 'close code' : 'error'}</span></h1>
<p class="summary">${inline(description)}</p>
<h2 id="${anchor}.advice">What to do</h2>
${advice.map((text) => `<p>${inline(text)}</p>`).join('\n')}
<dl class="facts">
${rows.join('\n')}
</dl>
${shown.join('\n')}
${tapes.length === 0 ? '' : `<h2>Tapes that show it</h2>\n<ul class="tapes">\n${tapeLinks(tapes)}\n</ul>`}`,
    markdown: [
      `# ${heading}`,
      description,
      '## What to do',
      ...advice,
      facts.map(({ term, text }) => `- ${term}: ${text}`).join('\n'),
      ...examples.map((each) => `\`\`\`json\n${prettyJson(each)}\n\`\`\``),
      ...(tapes.length === 0
        ? []
        : ['## Tapes', tapes.map(({ id, why }) => `- [\`${id}\`](#${id}) ${why}`).join('\n')]),
    ].join('\n\n'),
  };
}

/** Converts code in backquotes and links to anchors to HTML. */
function linked(text: string): string {
  return text
    .split(/(\[[^\]]+\]\(#[^)]+\))/)
    .map((part) => {
      const [, shown, anchor] = /^\[([^\]]+)\]\(#([^)]+)\)$/.exec(part) ?? [];
      if (shown === undefined || anchor === undefined)
        return inline(part)
          .replace(/^/, /^\s/.test(part) ? ' ' : '')
          .concat(/\s$/.test(part) ? ' ' : '');
      return link(anchor, shown.includes(' ') ? escape(shown) : code(shown));
    })
    .join('');
}
