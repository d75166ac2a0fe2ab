/** Generates the reference of all settings as Markdown, from the table of settings. */
import { SETTINGS, variableOf } from './settings.ts';
import type { Setting } from './settings.ts';

interface Part {
  readonly title: string;
  readonly text: string;
  readonly holds: (setting: Setting) => boolean;
}

const PARTS: readonly Part[] = [
  {
    title: 'General',
    text: 'The column of flags lists the flags of `tidemark serve`.',
    holds: ({ key }) => !key.includes('.'),
  },
  {
    title: 'Limits',
    text:
      'Limits are set under `limits:` in the file, and have no flags. Clients receive the limits in `welcome`. The metric ' +
      '`tidemark_limit` reports the limits that are in force.',
    holds: ({ key }) => key.startsWith('limits.'),
  },
  {
    title: 'Replay policies',
    text:
      'The replay policy of an event is set under `replay:` in the file: `none`, `latest`, `latest-per-key` or `log`. Policies ' +
      'can also be set for your own events; the variable of such a policy, such as `TIDEMARK_REPLAY_BUILD_DONE` for `build.done`, ' +
      'has an effect only if the file has the policy too. Policies have no flags. `replay.*` applies to all custom events and has no variable.',
    holds: ({ key }) => key.startsWith('replay.'),
  },
];

const HEAD = `# Settings of a gateway

Written by \`npm run docs:settings\` from the table of settings. [tidemark.schema.json](tidemark.schema.json) describes the same settings for editors; \`tidemark
config schema\` prints it. In \`tidemark.yaml\`:

\`\`\`yaml
# yaml-language-server: $schema=./tidemark.schema.json
port: 7400
limits:
  historyEvents: 50000
\`\`\`

A flag takes precedence over the environment, the environment over the file, the file over the default. In the environment, the items of a
list are separated by commas; as a flag, a list is given by repeating the flag. \`tidemark config show\` prints each value in force with its source;
\`tidemark config check\` reports problems. \`TIDEMARK_CONFIG\`
or \`--config\` names the file; without it, \`tidemark.yaml\` in the working directory is read if it exists.
`;

const AUTH = `## Access

The section \`auth\` has no flags and no variables: see [Set up access control](../guides/secure.md#a-working-configuration).
`;

export function settingsReference(): string {
  return [HEAD, ...PARTS.map(partText), AUTH].join('\n');
}

function partText({ title, text, holds }: Part): string {
  const rows = SETTINGS.filter((setting) => holds(setting) && setting.kind !== 'section').map(rowOf);
  return `## ${title}

${text}

| setting | default | values | flag, variable | |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

function rowOf(setting: Setting): string {
  const { key, standard, flag, description } = setting;
  const ways = [flag === undefined ? undefined : `--${flag}`, variableOf(setting)].flatMap((each) => each ?? []);
  const cells = [code(key), defaultOf(standard), valuesOf(setting), ways.map(code).join(' '), description];
  return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function defaultOf(standard: Setting['standard']): string {
  if (standard === undefined) return '–';
  return typeof standard === 'object' ? 'none' : code(String(standard));
}

function valuesOf({ kind, choices = [], minimum, maximum }: Setting): string {
  if (kind === 'choice') return choices.map(code).join(', ');
  if (kind === 'switch') return '`true`, `false`';
  if (kind === 'list') return 'list of strings';
  return kind === 'integer' ? `${minimum ?? 0} to ${maximum ?? ''}` : 'string';
}
