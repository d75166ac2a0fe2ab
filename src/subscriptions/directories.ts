/** The directories that a source has lost track of: whom that concerns, and how it is told (GAP-2). */
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
 * Whether the subscription may want events of files below a directory, `''` being the watched root. A watcher names it as the file
 * system does, while patterns stand in NFC.
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

/** What subscribers are told of a loss: both positions are the place at which it is said. */
export function sourceGap(stream: string, { epoch, sequenceId, paths }: KeptLoss): Omit<GapData, 'subscriptionIds'> {
  const place = { epoch, sequenceId };
  return { stream, from: place, to: place, reason: 'source_overflow', repair: { kind: 'rescan', paths: [...paths] } };
}

/** Where a loss will stand is for the broker to say; what the contract asks of the rest does not depend on it. */
const ANYWHERE = { epoch: '-', sequenceId: 0 };

/**
 * Directories as one gap can name them: too many become the root. What is said then is more than what was lost, never less.
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
