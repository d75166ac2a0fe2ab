/** Makes JavaScript of TypeScript sources, in a clone. The packages contain compiled scripts. */
import { stripTypeScriptTypes } from 'node:module';

/** Strips the types from a script. Suppresses Node's warning that this feature is experimental. */
export function stripTypes(source: string): string {
  // oxlint-disable-next-line typescript/unbound-method -- it is restored on the same object
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}
