/** Reads the ignore rules for the entries of a directory in the tree. */
import type { Directory } from './directory.ts';
import { IGNORE_FILE, IgnoreRules, rulesOfRepository } from './ignore/ignore-rules.ts';
import type { PatternOptions } from './ignore/pattern.ts';
import { NO_RULES, readRuleFile } from './ignore/rule-file.ts';
import type { RuleFile } from './ignore/rule-file.ts';
import type { ByteString } from './names.ts';

export interface RulesRead {
  /** Whether the directory had other rules before. */
  readonly replaced: boolean;
  /** Why the ignore file of the directory is not used, if this is new. */
  readonly problem: string | undefined;
}

export interface RulesContext extends PatternOptions {
  /** The rules from above the root, and the prefix of paths that they expect. */
  readonly above: { readonly rules: IgnoreRules; readonly prefix: ByteString };
}

/**
 * @param path the path on the disk @param names the names in the directory @throws {Error} if the rules cannot be read; the directory then
 * keeps its old rules
 */
export function readRules(
  directory: Directory,
  path: ByteString,
  names: readonly ByteString[],
  { above, foldCase }: RulesContext,
): RulesRead {
  const base = directory.parent === undefined ? above.prefix : `${above.prefix}${directory.path}/`;
  const options = { foldCase };
  const inner = directory.parent !== undefined && names.includes('.git');
  const before = directory.rules;
  const outer = directory.parent === undefined ? above.rules : (directory.parent.rules ?? above.rules);
  const parent = inner ? (innerRules(before, base) ?? rulesOfRepository(path, base, options)) : outer;
  const file: RuleFile = names.includes(IGNORE_FILE) ? readRuleFile(`${path}/${IGNORE_FILE}`, options) : NO_RULES;
  if (file.version === 'none') {
    directory.rules = parent;
    return { replaced: before !== undefined && before !== parent, problem: undefined };
  }
  if (before?.parent === parent && before.version === file.version && before.base === base)
    return { replaced: false, problem: undefined };
  directory.rules = new IgnoreRules(base, file, parent);
  return { replaced: before !== undefined, problem: before?.version === file.version ? undefined : file.problem };
}

/** The rules of the exclude file of a repository inside the root, as they were last read. */
function innerRules(rules: IgnoreRules | undefined, base: ByteString): IgnoreRules | undefined {
  for (let at = rules; at !== undefined; at = at.parent) if (at.parent === undefined && at.base === base) return at;
  return undefined;
}
