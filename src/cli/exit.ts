/** How a command ends: the exit codes, and the error that carries one with a text for people. */

export const EXIT = {
  ok: 0,
  /** Something failed while running. */
  runtime: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** The command worked, and found something: output that is stale, a contract that breaks a rule. */
  findings: 3,
  /** A credential is missing, wrong or not enough. */
  auth: 4,
  /** Nobody answers, or not in time. */
  unreachable: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command. The text says what was seen, what was expected, and what to do. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}
