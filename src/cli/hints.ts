/** Reports names in a command that the gateway accepted although they are probably misspelt (SUB-7). */
import { plainMessage, printStatus, tint } from './terminal.ts';

/** @param hints the `hints` of a reply, which have any value if the server is not a gateway */
export function showHints(hints: unknown): void {
  for (const hint of Array.isArray(hints) ? (hints as readonly unknown[]) : [])
    if (typeof hint === 'object' && hint !== null && 'message' in hint && typeof hint.message === 'string')
      printStatus(tint('yellow', `warning: ${plainMessage(hint.message)}`));
}
