/** The operations that a hostile client attacks. */
import type { AttackedOperation } from './attack.ts';
import { COMMANDS } from './command-attacks.ts';
import { REQUESTS } from './http-attacks.ts';

export const ATTACKED: readonly AttackedOperation[] = [...COMMANDS, ...REQUESTS];
