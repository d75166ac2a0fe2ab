/** `handlers.ts`: what a server must provide, one handler per command. Leaving one out does not compile. */
import type { Contract } from '../model.ts';
import { banner, doc, key } from './text.ts';

const OUTCOME = `/** What a handler gives back; what it throws becomes an \`error\`. */
export interface Outcome<C extends CommandName> {
  /** \`data\` of the reply, or what computes it at the moment when the reply is queued. */
  readonly data: ReplyDataMap[C] | (() => ReplyDataMap[C]);
  /**
   * Whether \`data\` is computed when the reply is queued, as by default, or when its turn to be written comes. A large reply then takes no
   * memory while it waits, and does not count against the bound on bytes. Not for replies that keep their place (BCK-3).
   */
  readonly made?: 'when queued' | 'when written';
  /** Pushes that are written together with the reply, with nothing in between: the \`gap\` of a resume that failed (RPL-4). */
  readonly companions?: () => readonly PushMessage[];
  /** Runs when the reply is handed to the socket; for replies that keep their place (BCK-3). */
  readonly onWritten?: () => void;
  /** Runs right after the reply was queued, within the same tick: this is how a replay follows its \`subscribed\` (RPL-2). */
  readonly afterReply?: () => void;
  /** Runs instead when no reply could be queued, because the connection went away or \`data\` failed: gives back what was taken. */
  readonly abandon?: () => void;
}
`;

export function emitHandlers({ commands }: Contract): string {
  return [
    banner('The handlers that a server must provide.'),
    "import type { CommandName } from './protocol.ts';\nimport type { CommandDataMap, PushMessage, ReplyDataMap } from './types.ts';\n",
    OUTCOME,
    "/** A command's handler. Its data has been validated. */",
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
