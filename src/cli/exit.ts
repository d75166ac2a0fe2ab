/** Exit codes, and the error that ends a command with an exit code and a message. */
import { withoutCredentials } from './credential-mask.ts';

export const EXIT = {
  ok: 0,
  /** A failure at run time. */
  runtime: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** The command succeeded and found problems, such as a contract that breaks a rule. */
  findings: 3,
  /** A credential is missing, invalid or lacks a scope. */
  auth: 4,
  /** The gateway is unreachable, or a time limit has passed. */
  unreachable: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * Thrown to end the command with an exit code. The message states what was wrong, what was expected and what to do. Credentials in it are
 * masked.
 */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode, options: { readonly cause?: unknown } = {}) {
    super(withoutCredentials(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}
