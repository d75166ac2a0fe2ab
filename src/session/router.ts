/**
 * Runs the commands of clients: for each command, calls the handler from the table and sends exactly one reply. The commands of a
 * connection run one after another, so that their replies have the same order. If a handler is synchronous, the reply is sent in the same
 * turn of the event loop.
 */
import { COMMANDS, ORDERED_MESSAGES } from '../../generated/protocol.ts';
import type { CommandName } from '../../generated/protocol.ts';
import type { Handler, Handlers, Outcome } from '../../generated/handlers.ts';
import type { CommandDataMap, CommandMessage, ReplyMessage } from '../../generated/types.ts';
import { decodeCommand, errorData } from '../wire/codec.ts';
import type { Decoded } from '../wire/codec.ts';
import { ProtocolError, internalError } from '../errors.ts';
import type { Audit } from '../auth/audit.ts';
import { authorise } from '../auth/authorise.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Session } from './session.ts';

/** Replies that keep their order among the events. Other replies may be sent before queued events (BCK-3). */
const ORDERED: ReadonlySet<string> = new Set(ORDERED_MESSAGES);

export interface RouterOptions<Context> {
  readonly handlers: Handlers<Context>;
  readonly limits: { readonly jsonDepth: number };
  readonly audit: Audit;
  readonly catalogue: Catalogue;
  /** Called with an error that is a fault of the server, to log it. The client only receives `internal`. */
  readonly onFault: (error: unknown, session: Session) => void;
  /** Called if a command arrives before the credential that it requires (SEC-2). */
  readonly onUnauthenticated: (session: Session) => void;
  readonly onError: (error: ProtocolError, session: Session) => void;
  /** Called when the reply or the error for a command was queued. `ms` is the time since the command arrived, in milliseconds. */
  readonly onAnswered: (command: CommandName, ms: number) => void;
}

interface ReplyOptions {
  readonly id: string | undefined;
  readonly session: Session;
  readonly beforeReply?: () => void;
}

export class Router<Context extends { readonly session: Session }> {
  readonly #options: RouterOptions<Context>;

  constructor(options: RouterOptions<Context>) {
    this.#options = options;
  }

  /** Decodes one frame and runs its command. @returns a promise only if the reply cannot be sent at once */
  receive(text: string, context: Context): void | Promise<void> {
    const startedAt = performance.now();
    let decoded: Decoded;
    try {
      decoded = decodeCommand(text, this.#options.catalogue.commands, this.#options.limits);
    } catch (error) {
      return this.#fail(error, undefined, context);
    }
    const { id } = decoded;
    if ('error' in decoded) return this.#fail(decoded.error, id, context);
    const { command } = decoded;
    const answered = (): void => this.#options.onAnswered(command.type, performance.now() - startedAt);
    const pending = this.#answer(command, id, context);
    return pending === undefined ? answered() : pending.then(answered);
  }

  /**
   * Performs one command. If it fails, the code that calls this method must report the error, for example as the response to an HTTP
   * request.
   * @param beforeReply called when the command has succeeded, directly before its reply is queued; may throw
   * @throws {ProtocolError} if the command failed. After an error, nothing was changed.
   */
  async perform(command: CommandMessage, context: Context, beforeReply: () => void): Promise<void> {
    const startedAt = performance.now();
    try {
      this.#admit(command, context.session);
      const outcome = await this.#dispatch(command, context);
      if (context.session.closed) this.#abandon(outcome, context.session);
      else this.#reply(command.type, outcome, { id: undefined, session: context.session, beforeReply });
    } catch (error) {
      throw this.#reported(error, context.session);
    }
    this.#options.onAnswered(command.type, performance.now() - startedAt);
  }

  #answer(command: CommandMessage, id: string | undefined, context: Context): void | Promise<void> {
    try {
      this.#admit(command, context.session);
      const outcome = this.#dispatch(command, context);
      if (!(outcome instanceof Promise)) return this.#settle(command.type, outcome, id, context);
      return outcome.then(
        (settled) => this.#settle(command.type, settled, id, context),
        (error: unknown) => this.#fail(error, id, context),
      );
    } catch (error) {
      return this.#fail(error, id, context);
    }
  }

  #admit(command: CommandMessage, session: Session): void {
    const retryAfterMs = session.commands.take();
    if (retryAfterMs > 0)
      throw new ProtocolError('rate_limited', 'Too many commands; wait and send again.', { retryAfterMs });
    if (!session.authenticated && !COMMANDS[command.type].beforeAuthentication) {
      this.#options.onUnauthenticated(session);
      throw new ProtocolError('unauthenticated', 'Send `authenticate` with a token or an API key first.');
    }
    authorise(COMMANDS[command.type], command.data, session, this.#options);
  }

  #dispatch<C extends CommandName>(
    command: { readonly type: C; readonly data: unknown },
    context: Context,
  ): Outcome<C> | Promise<Outcome<C>> {
    // The cast is safe, because the validator of this command has accepted the data.
    const handler = this.#options.handlers[command.type] as unknown as Handler<C, Context>;
    return handler(command.data as CommandDataMap[C], context);
  }

  #settle<C extends CommandName>(command: C, outcome: Outcome<C>, id: string | undefined, context: Context): void {
    const { session } = context;
    if (session.closed) return this.#abandon(outcome, session);
    try {
      this.#reply(command, outcome, { id, session });
    } catch (error) {
      this.#fail(error, id, context);
    }
  }

  /**
   * Queues the reply, then calls `afterReply`. No other code may run in between: otherwise, events could be lost or repeated when a
   * subscription changes from replay to live delivery (RPL-2).
   */
  #reply<C extends CommandName>(command: C, outcome: Outcome<C>, { id, session, beforeReply }: ReplyOptions): void {
    try {
      const type = COMMANDS[command].reply;
      const makeReply = (): ReplyMessage => {
        const data = typeof outcome.data === 'function' ? outcome.data() : outcome.data;
        return { type, ...(id === undefined ? {} : { id }), data } as ReplyMessage;
      };
      const { companions, onWritten } = outcome;
      if (ORDERED.has(type)) {
        const messages = [makeReply(), ...(companions?.() ?? [])];
        beforeReply?.();
        session.outlet.sendInOrder(messages, onWritten === undefined ? {} : { onWritten });
      } else if (outcome.made === 'when written') session.outlet.sendMade(makeReply);
      else session.outlet.send(makeReply());
    } catch (error) {
      this.#abandon(outcome, session);
      throw error;
    }
    this.#follow(outcome, session);
  }

  /** Releases what the handler has acquired, because the reply is not sent. */
  #abandon<C extends CommandName>(outcome: Outcome<C>, session: Session): void {
    try {
      outcome.abandon?.();
    } catch (error) {
      this.#options.onFault(error, session);
    }
  }

  /**
   * Runs the step that must follow a reply. If it fails, the reply cannot be withdrawn, so the connection is closed, and the client
   * subscribes again.
   */
  #follow<C extends CommandName>(outcome: Outcome<C>, session: Session): void {
    try {
      outcome.afterReply?.();
    } catch (error) {
      this.#options.onFault(error, session);
      session.outlet.close(
        'state_invalidated',
        'The server sent a reply but failed to send the messages that follow it.',
      );
    }
  }

  /** Counts an error. If it is a fault of the server, reports it to `onFault`. @returns the error that the client receives */
  #reported(error: unknown, session: Session): ProtocolError {
    const known = error instanceof ProtocolError ? error : internalError(error);
    if (known !== error) this.#options.onFault(error, session);
    this.#options.onError(known, session);
    return known;
  }

  #fail(error: unknown, id: string | undefined, context: Context): void {
    const { session } = context;
    const known = this.#reported(error, session);
    if (session.closed) return;
    session.outlet.send({ type: 'error', ...(id === undefined ? {} : { id }), data: errorData(known) });
  }
}
