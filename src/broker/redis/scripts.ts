/** The scripts in lua/. A script is called by its digest. Its full text is sent only if the server does not have the script yet. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export type ScriptName =
  | 'announce'
  | 'attest'
  | 'complete'
  | 'decide'
  | 'departed'
  | 'entered'
  | 'format'
  | 'heads'
  | 'incarnation'
  | 'inspect'
  | 'keys'
  | 'leave'
  | 'open'
  | 'permissions'
  | 'place'
  | 'publish'
  | 'read'
  | 'register'
  | 'renew'
  | 'retained'
  | 'unregister';

export interface Script {
  readonly name: ScriptName;
  readonly source: string;
  readonly sha1: string;
}

const scripts = new Map<ScriptName, Script>();

export function script(name: ScriptName): Script {
  const known = scripts.get(name);
  if (known !== undefined) return known;
  const source = readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
  const loaded = { name, source, sha1: createHash('sha1').update(source).digest('hex') };
  scripts.set(name, loaded);
  return loaded;
}
