/** Which subscriptions a loss below a directory concerns (GAP-2). */
import type { GapData } from '../../generated/types.ts';
import type { KeptLoss } from '../replay/record.ts';
import type { FilterSpec } from './filter.ts';
import { literalPrefix } from './glob.ts';
import { matchesName } from './pattern.ts';

function within(path: string, directory: string): boolean {
  return directory === '' || path === directory || path.startsWith(`${directory}/`);
}

/**
 * Whether the subscription may want events of files below a directory, `''` being the watched root. A watcher names it as the file
 * system does, while patterns stand in NFC.
 */
export function touchesDirectory({ events, filter }: FilterSpec, lost: string): boolean {
  const directory = lost.normalize('NFC');
  if (!events.some((each) => matchesName(each, 'file_change'))) return false;
  if (filter.paths === undefined) return true;
  return filter.paths.some((pattern) => {
    const prefix = literalPrefix(pattern);
    return within(prefix, directory) || within(directory, prefix);
  });
}

/** What subscribers are told of a loss: both positions are the place at which it is said. */
export function sourceGap(stream: string, { epoch, sequenceId, paths }: KeptLoss): Omit<GapData, 'subscriptionIds'> {
  const place = { epoch, sequenceId };
  return { stream, from: place, to: place, reason: 'source_overflow', repair: { kind: 'rescan', paths: [...paths] } };
}
