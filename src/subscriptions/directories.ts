/** Source losses: which subscriptions a lost directory concerns, and the gap that reports it (GAP-2). */
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
 * Whether the subscription may match events of files below a directory; `''` is the watched root. The watcher passes the name as
 * the file system has it, while patterns are in NFC.
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

/** The gap that reports a source loss. `from` and `to` are both the position at which it is reported. */
export function sourceGap(stream: string, { epoch, sequenceId, paths }: KeptLoss): Omit<GapData, 'subscriptionIds'> {
  const place = { epoch, sequenceId };
  return { stream, from: place, to: place, reason: 'source_overflow', repair: { kind: 'rescan', paths: [...paths] } };
}

/** A position for validation only: the broker assigns the real one later, and the other fields do not depend on it. */
const ANYWHERE = { epoch: '-', sequenceId: 0 };

/**
 * The directories that one gap names. Too many are replaced by the root: reporting too much is safe.
 * @throws {ProtocolError} `stream_invalid`
 */
export function tellablePaths(stream: string, paths: readonly string[]): readonly string[] {
  const fits = (some: readonly string[]): boolean => {
    const data = { ...sourceGap(stream, { ...ANYWHERE, paths: some }), subscriptionIds: [] };
    return serverValidators.gap({ type: 'gap', data });
  };
  if (fits(paths)) return paths;
  if (fits([''])) return [''];
  throw schemaError(serverValidators.gap.errors ?? [], { codes: { '/data/stream': 'stream_invalid' } });
}
