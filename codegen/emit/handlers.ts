/** `handlers.ts`: what a server must provide, one handler per command. Leaving one out does not compile. */
import type { Contract } from '../model.ts';
import { banner, doc, key } from './text.ts';

const OUTCOME = `/** What a handler gives back; what it throws becomes an \`error\`. */
export interface Outcome<C extends CommandName> {
  /** \`data\` of the reply, or what computes it at the moment when the reply is queued. */
  readonly data: ReplyDataMap[C] | (() => ReplyDataMap[C]);
  /** Runs right after the reply was queued, within the same tick: this is how a replay follows its \`subscribed\` (RPL-2). */
  readonly afterReply?: () => void;
  /** Runs instead when the connection went away before the reply could be queued. */
  readonly abandon?: () => void;
}
`;

export function emitHandlers({ commands }: Contract): string {
  return [
    banner('The handlers that a server must provide.'),
    "import type { CommandName } from './protocol.ts';\nimport type { CommandDataMap, ReplyDataMap } from './types.ts';\n",
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
