/** Reports names in a command that the gateway accepted although they are probably misspelt (SUB-7). */
import type { Hint } from '../../generated/types.ts';
import { plain, printStatus, tint } from './terminal.ts';

export function showHints(hints: readonly Hint[] = []): void {
  for (const { message } of hints) printStatus(tint('yellow', `warning: ${plain(message)}`));
}
