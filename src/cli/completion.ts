/**
 * `tidemark completion bash | zsh | fish`: prints a completion script for a shell. The script is generated from the commands of this
 * program.
 */
import { Argument } from 'commander';
import type { Command, Option } from 'commander';
import { bashScript, fishScript, zshScript } from './completion-scripts.ts';
import type { CompletedCommand, CompletedFlag } from './completion-scripts.ts';
import { print } from './terminal.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
type Shell = keyof typeof SCRIPTS;

export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script for a shell, for example: source <(tidemark completion bash)')
    .addArgument(new Argument('<shell>', 'shell for which to print the script').choices(Object.keys(SCRIPTS)))
    .action((shell: Shell) => print(SCRIPTS[shell](commandsOf(program, '')).trimEnd()));
}

/** The command and all commands below it. The path of the root command is `''`. */
function commandsOf(command: Command, path: string): CompletedCommand[] {
  const children = command.commands.map((child) => ({
    name: child.name(),
    description: child.description(),
    command: child,
  }));
  const own: CompletedCommand = {
    path,
    children: children.map(({ name, description }) => ({ name, description })),
    arguments: command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
    flags: [
      ...command.options.map(flagOf),
      { name: '--help', description: 'show the usage', value: 'none', choices: [] },
    ],
  };
  return [own, ...children.flatMap((child) => commandsOf(child.command, `${path} ${child.name}`.trim()))];
}

function flagOf({ long, flags, description, required, optional, argChoices = [] }: Option): CompletedFlag {
  return { name: long ?? flags, description, value: required || optional ? 'some' : 'none', choices: argChoices };
}
