/** Removes credentials from messages, because messages end in logs. Arguments and variables that a message quotes may contain one. */
import { CREDENTIAL_PARAMETERS } from '../../generated/protocol.ts';

/** The user part of an address. A password may contain `/`, `?` and `@`, so the part ends at the last `@`. */
const USER_PART = /([a-z][a-z0-9+.-]*:\/\/)\S*@/gi;
/** A parameter of an address, or an option with its value: `?token=…`, `--api-key=…`. */
const PARAMETER = new RegExp(`((?:[?&]|--)(?:${CREDENTIAL_PARAMETERS.join('|')})=)[^\\s&#'"]*`, 'gi');

/** The message with `…` in the place of each credential. */
export function withoutCredentials(message: string): string {
  return message.replaceAll(USER_PART, '$1…@').replaceAll(PARAMETER, '$1…');
}
