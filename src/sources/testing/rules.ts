/** Determines which entries of a real directory are ignored, by the rules of the source. */
import { IgnoreRules, rulesAbove } from '../ignore/ignore-rules.ts';
import { readRuleFile } from '../ignore/rule-file.ts';
import { toByteString } from '../names.ts';
import type { ByteString } from '../names.ts';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';

const OPTIONS = { foldCase: false };

/**
 * Returns a function that tells whether the entry at a path is not ignored. Reads the ignore files from the root down, as the source does.
 */
export function notIgnored(root: string): (path: string) => boolean {
  const bytes = toByteString(root);
  const { rules: above, prefix } = rulesAbove(bytes, OPTIONS);
  const known = new Map<ByteString, IgnoreRules>();
  const rulesOf = (directory: ByteString): IgnoreRules => {
    const before = known.get(directory);
    if (before !== undefined) return before;
    const parent = directory === '' ? above : rulesOf(parentOf(directory));
    const base = directory === '' ? prefix : `${prefix}${directory}/`;
    const path = directory === '' ? bytes : `${bytes}/${directory}`;
    const rules = new IgnoreRules(base, readRuleFile(`${path}/.gitignore`, OPTIONS), parent);
    known.set(directory, rules);
    return rules;
  };
  const isSeen = (path: string): boolean => {
    const directory = parentOf(path);
    if (directory !== '' && !isSeen(directory)) return false;
    const rules = rulesOf(toByteString(directory));
    // The type of an entry that no longer exists is unknown. If it may have been an ignored directory, its deletion need not be reported.
    return kindsOf(join(root, path)).every((kind) => !rules.ignores(prefix + toByteString(path), kind));
  };
  return isSeen;
}

function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

function kindsOf(path: string): readonly ('file' | 'directory')[] {
  try {
    return [lstatSync(path).isDirectory() ? 'directory' : 'file'];
  } catch {
    return ['file', 'directory'];
  }
}
