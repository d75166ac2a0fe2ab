/** `tidemark`: the command line. Data is written to stdout, messages to stderr. `exit.ts` lists the exit codes. */
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../version.ts';
import { withoutCredentials } from './credential-mask.ts';
import { CliError, EXIT } from './exit.ts';
import { plain, printStatus, tint } from './terminal.ts';

type Register = (program: Command) => void;

/**
 * Each command is loaded only when it is used, because the libraries of the gateway take longer to load than a command such as `status`
 * takes to run.
 */
const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  serve: async () => (await import('./serve.ts')).registerServe,
  mock: async () => (await import('./mock.ts')).registerMock,
  listen: async () => (await import('./listen.ts')).registerListen,
  broadcast: async () => (await import('./broadcast.ts')).registerBroadcast,
  send: async () => (await import('./send.ts')).registerSend,
  wait: async () => (await import('./wait.ts')).registerWait,
  handoff: async () => (await import('./handoff.ts')).registerHandoff,
  files: async () => (await import('./files.ts')).registerFiles,
  status: async () => (await import('./status.ts')).registerStatus,
  top: async () => (await import('./top.ts')).registerTop,
  explain: async () => (await import('./explain.ts')).registerExplain,
  disconnect: async () => (await import('./disconnect.ts')).registerDisconnect,
  config: async () => (await import('./config.ts')).registerConfig,
  token: async () => (await import('./token.ts')).registerToken,
  key: async () => (await import('./key.ts')).registerKey,
  contract: async () => (await import('./contract.ts')).registerContract,
  generate: async () => (await import('./generate.ts')).registerGenerate,
  docs: async () => (await import('./docs.ts')).registerDocs,
  breaking: async () => (await import('./breaking.ts')).registerBreaking,
  completion: async () => (await import('./completion.ts')).registerCompletion,
};

/** Registers only the given command. For help, for `completion` and for an unknown command, registers all commands. */
async function createProgram(asked: string | undefined): Promise<Command> {
  const program = new Command('tidemark')
    .description('Real-time events of files and code graphs. Every loss of events is reported.')
    .version(packageVersion())
    .showHelpAfterError('(see --help)')
    .configureOutput({ outputError: (text, write) => write(withoutCredentials(text)) })
    .addHelpText('after', '\nTo test any implementation against the contract: tidemark conformance --help')
    .exitOverride();
  const isOne = asked !== undefined && asked !== 'completion' && Object.hasOwn(COMMANDS, asked);
  const known = isOne ? COMMANDS[asked] : undefined;
  const isVersion = asked === '--version' || asked === '-V';
  const wanted = known === undefined ? (isVersion ? [] : Object.values(COMMANDS)) : [known];
  for (const load of wanted) (await load())(program);
  return program;
}

async function run(argv: readonly string[]): Promise<void> {
  try {
    await (await createProgram(argv[2])).parseAsync([...argv]);
  } catch (error) {
    process.exitCode = exitCodeFor(error);
  }
}

function exitCodeFor(error: unknown): number {
  // The program that reads the output has closed the pipe (`| head`). This is not an error.
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return EXIT.ok;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CliError) {
    printStatus(tint('red', error.message));
    return error.exitCode;
  }
  // A system error about a file or an address is not a bug of this program, so no stack trace is printed.
  if (error instanceof Error && 'syscall' in error) {
    printStatus(tint('red', plain(withoutCredentials(error.message))));
    return EXIT.usage;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  printStatus(tint('red', withoutCredentials(text)));
  return EXIT.runtime;
}

// If the program that collects the log exits, stderr is closed. The gateway keeps running.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
});
await run(process.argv);
