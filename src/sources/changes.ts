/**
 * From what a watcher reports to what has happened. A watcher names paths, sometimes twice, and knows no renames; the inventory
 * tells the rest. Pure but for the inventory, which it brings up to date.
 *
 * - A path that was there before and still is: `modify`. That is also how an editor's atomic save reads (write a temporary
 *   file, rename it over the old one), because the name is what people mean by "the file".
 * - A new path whose inode just vanished elsewhere: `rename`. A renamed directory gives one rename for itself and one for
 *   each file below, so that a filter on paths sees the files move.
 * - What came and went within one batch: nothing.
 */
import type { FileChangePayload } from '../../generated/types.ts';
import type { FileFacts, Inventory } from './inventory.ts';

/** A path of a batch and what is there now, if anything. */
export interface Sighting {
  readonly path: string;
  readonly facts: FileFacts | undefined;
}

function payload(
  changeType: FileChangePayload['changeType'],
  root: string,
  path: string,
  facts: FileFacts,
): FileChangePayload {
  const { fileType, size, mtimeMs } = facts;
  const details = changeType === 'delete' ? {} : { size, mtime: new Date(mtimeMs).toISOString() };
  return { path: path.normalize('NFC'), root, changeType, fileType, ...details };
}

function unchanged(before: FileFacts, now: FileFacts): boolean {
  return before.identity === now.identity && before.size === now.size && before.mtimeMs === now.mtimeMs;
}

/** The changes of one batch, in the order in which its paths were reported, each path once. */
export function changesOf(
  sightings: readonly Sighting[],
  inventory: Inventory,
  root: string,
): readonly FileChangePayload[] {
  const latest = [...new Map(sightings.map((each) => [each.path, each])).values()];
  const vanished = new Map<string, string>();
  for (const { path, facts } of latest) {
    const before = inventory.get(path);
    if (facts === undefined && before !== undefined) vanished.set(before.identity, path);
  }
  const moves = new Map<string, string>();
  for (const { path, facts } of latest) {
    const from = facts === undefined || inventory.has(path) ? undefined : vanished.get(facts.identity);
    if (from !== undefined && facts !== undefined && inventory.get(from)?.fileType === facts.fileType) {
      moves.set(path, from);
      vanished.delete(facts.identity);
    }
  }
  const moved = new Set(moves.values());
  const changes = latest.flatMap(({ path, facts }): FileChangePayload[] => {
    const before = inventory.get(path);
    if (facts === undefined)
      return before === undefined || moved.has(path) ? [] : [payload('delete', root, path, before)];
    const from = moves.get(path);
    if (from !== undefined) return [{ ...payload('rename', root, path, facts), previousPath: from.normalize('NFC') }];
    if (before === undefined || before.fileType !== facts.fileType)
      return [payload(before === undefined ? 'create' : 'modify', root, path, facts)];
    // A directory is modified by every change inside it, which is reported for itself.
    return facts.fileType === 'directory' || unchanged(before, facts) ? [] : [payload('modify', root, path, facts)];
  });
  for (const { path, facts } of latest) {
    if (facts === undefined) inventory.delete(path);
    else inventory.set(path, facts);
  }
  return changes;
}
