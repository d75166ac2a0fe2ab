/** The code samples of operations: one program for each example of the contract, in each language. */
import { escape, inline } from '../emit/reference/markup.ts';
import type { Contract, HttpOperation } from '../model.ts';
import { commandSamples, httpSamples } from './browser/samples.ts';
import type { Message, Samples, Server } from './browser/samples.ts';

/** The programs that send one example. */
export interface SampleBlock {
  readonly summary: string;
  readonly samples: Samples;
}

const AUTHORITY = '127.0.0.1:7400';

export function serverOf({ path, subprotocol }: Pick<Contract, 'path' | 'subprotocol'>, authority = AUTHORITY): Server {
  return { webSocket: `ws://${authority}${path}`, http: `http://${authority}`, subprotocol };
}

/** @param name name of a command or an HTTP operation; other names have no samples */
export function samplesOf(contract: Contract, name: string, server = serverOf(contract)): readonly SampleBlock[] {
  const { commands, http, messages } = contract;
  const command = commands.find((each) => each.name === name);
  if (command !== undefined) {
    const replies = messages[command.reply]?.examples ?? [];
    return (messages[name]?.examples ?? []).map(({ summary, payload }) => {
      const { id } = payload as Message;
      const reply = replies.find(({ payload: each }) => (each as Message).id === id);
      return { summary, samples: commandSamples(payload as Message, reply?.payload, server) };
    });
  }
  const operation = http.find((each) => each.name === name);
  return operation === undefined ? [] : httpBlocks(contract, operation, server);
}

function httpBlocks(
  { messages }: Contract,
  { method, path, request }: HttpOperation,
  server: Server,
): readonly SampleBlock[] {
  if (method === 'GET') return [{ summary: '', samples: httpSamples({ method, path }, server) }];
  return (messages[request]?.examples ?? []).map(({ summary, payload }) => ({
    summary,
    samples: httpSamples({ method, path, body: payload }, server),
  }));
}

const TITLES: Readonly<Record<keyof Samples, string>> = {
  cli: 'Command line',
  typescript: 'TypeScript',
  python: 'Python',
  frames: 'Raw frames',
};
const LANGUAGES: Readonly<Record<keyof Samples, string>> = {
  cli: 'console',
  typescript: 'ts',
  python: 'python',
  frames: 'text',
};
const ORDER = Object.keys(TITLES) as (keyof Samples)[];

export function samplesHtml(blocks: readonly SampleBlock[]): string {
  if (blocks.length === 0) return '';
  const parts = blocks.map(({ summary, samples }) => {
    const programs = ORDER.map(
      (key, at) =>
        `<details${at === 0 ? ' open' : ''}><summary>${TITLES[key]}</summary><pre tabindex="0" data-lang="${LANGUAGES[key]}"><code>${escape(samples[key].trimEnd())}</code></pre></details>`,
    );
    return `${summary === '' ? '' : `<h3>${inline(summary)}</h3>\n`}<div class="samples">\n${programs.join('\n')}\n</div>`;
  });
  return `<h2>Samples</h2>\n<p class="lead">Each program runs as it is, against a gateway on this machine. Tests run all of them.</p>\n${parts.join('\n')}`;
}

export function samplesText(blocks: readonly SampleBlock[]): readonly string[] {
  if (blocks.length === 0) return [];
  const texts = blocks.flatMap(({ summary, samples }) => [
    ...(summary === '' ? [] : [`### ${summary.trim()}`]),
    ...ORDER.map((key) => `${TITLES[key]}:\n\n\`\`\`${LANGUAGES[key]}\n${samples[key].trimEnd()}\n\`\`\``),
  ]);
  return ['## Samples', ...texts];
}
