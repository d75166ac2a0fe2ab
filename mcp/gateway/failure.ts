/**
 * A failure in the form in which a model or a client receives it: what was wrong, and whether a retry may succeed. It contains no secret.
 */
import { ConnectionError, SubscriptionError, TidemarkError } from '../../generated/client.ts';
import { HandoffLostError } from '../../src/agents/handoff-log.ts';
import { OfferError, TakeUnknownError } from '../../src/agents/handoff.ts';
import { CliError, EXIT } from '../../src/cli/exit.ts';

export interface Failure {
  /** A code of the contract, or `unreachable`, `handoff_lost`, `handoff_unknown`, `offer_done`, `offer_unknown`, `usage`, `internal`. */
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  /** JSON pointer to the invalid value. */
  readonly pointer?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Invalid arguments that the JSON Schema cannot detect. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/**
 * Converts an error to a failure. @returns undefined if the error is a fault of this program. The caller must log such an error, and must
 * not send its text to a client
 */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof TidemarkError) return refusalOf(error);
  if (error instanceof ConnectionError) return disconnectOf(error);
  if (error instanceof SubscriptionError) return { code: error.reason, message: error.message, retryable: false };
  if (error instanceof CliError) return commandFailureOf(error);
  if (error instanceof HandoffLostError) return { code: 'handoff_lost', message: error.message, retryable: false };
  if (error instanceof TakeUnknownError) return { code: 'handoff_unknown', message: error.message, retryable: false };
  if (error instanceof OfferError) return { code: `offer_${error.reason}`, message: error.message, retryable: false };
  if (error instanceof UsageError) return { code: 'usage', message: error.message, retryable: false };
  return undefined;
}

function refusalOf({ code, message, retryable, retryAfterMs, pointer, details }: TidemarkError): Failure {
  return {
    code,
    message,
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(pointer === undefined ? {} : { pointer }),
    ...(details === undefined ? {} : { details }),
  };
}

function disconnectOf(error: ConnectionError): Failure {
  if (error.cause instanceof TidemarkError) return refusalOf(error.cause);
  const code = error.reason === 'refused' ? 'unauthenticated' : 'unreachable';
  return { code, message: error.message, retryable: error.retryable };
}

/** Converts the error of an HTTP operation. Its message already begins with the code. */
function commandFailureOf({ exitCode, message }: CliError): Failure {
  if (exitCode === EXIT.unreachable) return { code: 'unreachable', message, retryable: true };
  const [, code = exitCode === EXIT.usage ? 'usage' : 'refused', text = message] =
    /^([a-z_]+): (.*)$/s.exec(message) ?? [];
  return { code, message: text, retryable: code === 'rate_limited' || code === 'shutting_down' };
}
