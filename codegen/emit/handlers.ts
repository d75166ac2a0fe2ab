/** Emits `handlers.ts`: the handlers that a server must provide, one per command. A missing handler is a type error. */
import type { Contract } from '../model.ts';
import { banner, doc, key } from './text.ts';

const OUTCOME = `/** The result of a handler. If the handler throws, the client receives an \`error\`. */
export interface Outcome<C extends CommandName> {
  /** \`data\` of the reply, or a function that computes it. */
  readonly data: ReplyDataMap[C] | (() => ReplyDataMap[C]);
  /**
   * Whether \`data\` is computed when the reply is queued (the default) or when it is written. With \`when written\`, a
   * large reply takes no memory in the queue and does not count against the queue's limit in bytes. Not allowed for
   * replies that keep their order (BCK-3).
   */
  readonly made?: 'when queued' | 'when written';
  /**
   * The messages that the server pushes directly after the reply, with no other message in between. Example: the
   * \`gap\` after a failed resume (RPL-4).
   */
  readonly companions?: () => readonly PushMessage[];
  /** Runs when the reply is passed to the socket. Only for replies that keep their order (BCK-3). */
  readonly onWritten?: () => void;
  /** Runs directly after the reply was queued, in the same tick, so that a replay follows its \`subscribed\` (RPL-2). */
  readonly afterReply?: () => void;
  /**
   * Runs instead of \`afterReply\` if no reply could be queued, because the connection was closed or \`data\` threw. Must
   * release the resources that the handler reserved.
   */
  readonly abandon?: () => void;
}
`;

export function emitHandlers({ commands }: Contract): string {
  return [
    banner('The handlers that a server must provide.'),
    "import type { CommandName } from './protocol.ts';\nimport type { CommandDataMap, PushMessage, ReplyDataMap } from './types.ts';\n",
    OUTCOME,
    '/** The handler of a command. `data` has been validated. */',
    'export type Handler<C extends CommandName, Context> = (data: CommandDataMap[C], context: Context) => Outcome<C> | Promise<Outcome<C>>;\n',
    '/** One handler per command of the contract. */',
    'export interface Handlers<Context> {',
    ...commands.flatMap(({ name, summary }) => [
      doc(summary, '  '),
      `  readonly ${key(name)}: Handler<'${name}', Context>;`,
    ]),
    '}\n',
  ].join('\n');
}
