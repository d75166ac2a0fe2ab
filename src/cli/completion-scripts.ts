/**
 * Completion scripts for shells. Each script first finds the command in the line that the user types. Then it offers the subcommands and
 * flags of that command.
 */

export interface CompletedFlag {
  readonly name: string;
  readonly description: string;
  /** Whether the flag takes a value. */
  readonly value: 'some' | 'none';
  /** The allowed values of the flag. If empty, file names are offered. */
  readonly choices: readonly string[];
}

export interface CompletedCommand {
  /** The words of the command, such as `config show`. The program itself has the path `''`. */
  readonly path: string;
  readonly children: readonly { readonly name: string; readonly description: string }[];
  /** Allowed values of the command's arguments. */
  readonly arguments: readonly string[];
  readonly flags: readonly CompletedFlag[];
}

type Commands = readonly CompletedCommand[];

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Shell patterns of the form `<path> <word>`, one for each subcommand `<word>` of the command at `<path>`. */
function steps(commands: Commands): string {
  return commands.flatMap(({ path, children }) => children.map(({ name }) => quoted(`${path} ${name}`))).join('|');
}

/** Shell patterns of the form `<path>:<flag>` for all flags that take a value. Flags with the same allowed values share one case. */
function valueCases(
  commands: Commands,
  offer: { readonly words: (words: string) => string; readonly files: string },
): string {
  const flags = commands.flatMap(({ path, flags: own }) =>
    own.filter(({ value }) => value === 'some').map((flag) => ({ pattern: quoted(`${path}:${flag.name}`), flag })),
  );
  const chosen = flags.filter(({ flag }) => flag.choices.length > 0);
  const free = flags.filter(({ flag }) => flag.choices.length === 0);
  return [
    ...chosen.map(({ pattern, flag }) => `    ${pattern}) ${offer.words(flag.choices.join(' '))}; return ;;`),
    `    ${free.map(({ pattern }) => pattern).join('|')}) ${offer.files}; return ;;`,
  ].join('\n');
}

export function bashScript(commands: Commands): string {
  const words = ({ children, arguments: values, flags }: CompletedCommand): string =>
    [...children.map(({ name }) => name), ...values, ...flags.map(({ name }) => name)].join(' ');
  return `# Completion of tidemark for bash. Load it with: source <(tidemark completion bash)
_tidemark() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} at='' words='' index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$at \${COMP_WORDS[index]}" in
      ${steps(commands)}) at="\${at:+$at }\${COMP_WORDS[index]}" ;;
    esac
  done
  case "$at:$previous" in
${valueCases(commands, { words: (all) => `mapfile -t COMPREPLY < <(compgen -W ${quoted(all)} -- "$current")`, files: 'mapfile -t COMPREPLY < <(compgen -f -- "$current")' })}
  esac
  case "$at" in
${commands.map((command) => `    ${quoted(command.path)}) words=${quoted(words(command))} ;;`).join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o filenames -F _tidemark tidemark
`;
}

/** In zsh, a colon separates a word from its description, so colons within the word are escaped. */
function described(name: string, description: string): string {
  return quoted(`${name.replaceAll(':', String.raw`\:`)}:${description}`);
}

export function zshScript(commands: Commands): string {
  const entries = ({ children, arguments: values, flags }: CompletedCommand): string =>
    [
      ...children.map(({ name, description }) => described(name, description)),
      ...values.map((value) => described(value, '')),
      ...flags.map(({ name, description }) => described(name, description)),
    ].join(' ');
  return `#compdef tidemark
# Completion of tidemark for zsh. Load it with: source <(tidemark completion zsh)
_tidemark() {
  local at='' word
  local -a entries
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      ${steps(commands)}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at:\${words[CURRENT-1]}" in
${valueCases(commands, { words: (all) => `compadd -- ${all}`, files: '_files' })}
  esac
  case "$at" in
${commands.map((command) => `    ${quoted(command.path)}) entries=(${entries(command)}) ;;`).join('\n')}
  esac
  _describe 'tidemark' entries
}
compdef _tidemark tidemark
`;
}

/** In fish, only backslashes and single quotes are escaped within single quotes. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
}

export function fishScript(commands: Commands): string {
  const lines = commands.flatMap(({ path, children, arguments: values, flags }) => {
    const here = `complete -c tidemark -n ${fishQuoted(`__tidemark_at ${fishQuoted(path)}`)}`;
    return [
      ...children.map(({ name, description }) => `${here} -a ${fishQuoted(name)} -d ${fishQuoted(description)}`),
      ...(values.length === 0 ? [] : [`${here} -a ${fishQuoted(values.join(' '))}`]),
      ...flags.map(
        (flag) => `${here} -l ${flag.name.replace(/^-+/, '')}${fishValue(flag)} -d ${fishQuoted(flag.description)}`,
      ),
    ];
  });
  const known = commands.flatMap(({ path, children }) => children.map(({ name }) => fishQuoted(`${path} ${name}`)));
  return `# Completion of tidemark for fish. Load it with: tidemark completion fish | source
function __tidemark_at
    set -l at ''
    for word in (commandline -opc)[2..]
        switch "$at $word"
            case ${known.join(' ')}
                set at (string trim -- "$at $word")
        end
    end
    test "$at" = "$argv[1]"
end
complete -c tidemark -f
${lines.join('\n')}
`;
}

function fishValue({ value, choices }: CompletedFlag): string {
  if (value === 'none') return '';
  return choices.length === 0 ? ' -r -F' : ` -x -a ${fishQuoted(choices.join(' '))}`;
}
