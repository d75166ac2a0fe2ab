/**
 * All emitters together: a contract in, the text of every generated file out. Pure; {@link ./generate.ts} writes.
 */
import { emitHandlers } from './emit/handlers.ts';
import { emitProtocol } from './emit/protocol.ts';
import { emitTypes } from './emit/types.ts';
import { emitValidators } from './emit/validators.ts';
import type { Contract } from './model.ts';

/** Path below `generated/` → text. */
export async function emit(contract: Contract): Promise<Map<string, string>> {
  const validators = emitValidators(contract);
  return new Map([
    ['types.ts', await emitTypes(contract)],
    ['protocol.ts', emitProtocol(contract)],
    ['handlers.ts', emitHandlers(contract)],
    ['validators.js', validators.code],
    ['validators.d.ts', validators.types],
    ['contract.json', contract.bundle],
  ]);
}
