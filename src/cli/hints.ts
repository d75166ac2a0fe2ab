/** Reports names in a command that the gateway accepted although they are probably misspelt (SUB-7). */
import type { Hint } from '../../generated/types.ts';
import { plain, say, tint } from './terminal.ts';

export function showHints(hints: readonly Hint[] = []): void {
  for (const { message } of hints) say(tint('yellow', `warning: ${plain(message)}`));
}
