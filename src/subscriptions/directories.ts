/** Determines which subscriptions a source loss in a directory affects, and creates the gap that reports the loss (GAP-2). */
import type { GapData } from '../../generated/types.ts';
import { serverValidators } from '../../generated/validators.js';
import { schemaError } from '../wire/schema-error.ts';
import type { KeptLoss } from '../replay/record.ts';
import type { FilterSpec } from './filter.ts';
import { literalPrefix } from './glob.ts';
import { FILE_EVENT } from '../catalogue/catalogue.ts';
import { matchesName } from '../catalogue/event-pattern.ts';

function within(path: string, directory: string): boolean {
  return directory === '' || path === directory || path.startsWith(`${directory}/`);
}

/**
 * Whether the subscription may match events of files in a directory or its subdirectories; `''` is the watched root. The path of the
 * directory is converted to NFC first, because patterns are in NFC, but the watcher passes the path as the file system spells it.
 */
export function touchesDirectory({ events, filter }: FilterSpec, lost: string): boolean {
  const directory = lost.normalize('NFC');
  if (!events.some((each) => matchesName(each, FILE_EVENT))) return false;
  if (filter.paths === undefined) return true;
  return filter.paths.some((pattern) => {
    const prefix = literalPrefix(pattern);
    return within(prefix, directory) || within(directory, prefix);
  });
}

/** The gap that reports a source loss. `from` and `to` are equal: both are the position at which the loss is reported. */
export function sourceGap(stream: string, { epoch, sequenceId, paths }: KeptLoss): Omit<GapData, 'subscriptionIds'> {
  const place = { epoch, sequenceId };
  return { stream, from: place, to: place, reason: 'source_overflow', repair: { kind: 'rescan', paths: [...paths] } };
}

/**
 * A position that is only used for validation. The broker assigns the real position later, and the validity of the other fields does not
 * depend on it.
 */
const ANYWHERE = { epoch: '-', sequenceId: 0 };

/**
 * The directories that one gap lists. If there are too many, the result is only the root: reporting too much is safe.
 * @throws {ProtocolError} `stream_invalid`
 */
export function reportablePaths(stream: string, paths: readonly string[]): readonly string[] {
  const fits = (some: readonly string[]): boolean => {
    const data = { ...sourceGap(stream, { ...ANYWHERE, paths: some }), subscriptionIds: [] };
    return serverValidators.gap({ type: 'gap', data });
  };
  if (fits(paths)) return paths;
  if (fits([''])) return [''];
  throw schemaError(serverValidators.gap.errors ?? [], { codes: { '/data/stream': 'stream_invalid' } });
}
