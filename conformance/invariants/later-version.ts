/**
 * Determines whether the target follows a later minor version of the contract than the suite. Such a target may send
 * messages and fields that the suite does not know.
 */
import { PROTOCOL_VERSION } from '../../generated/protocol.ts';
import { member, textAt } from '../trace/json.ts';
import type { Trace } from '../trace/trace.ts';

function numbersOf(version: string): readonly [number, number] {
  const [major = NaN, minor = NaN] = version.split('.').map(Number);
  return [major, minor];
}

/**
 * Whether a version is a later minor version of the same major version. A later patch does not count, because it adds
 * nothing to the protocol.
 */
function isLaterMinor(version: string): boolean {
  const [major, minor] = numbersOf(version);
  const [ownMajor, ownMinor] = numbersOf(PROTOCOL_VERSION);
  return major === ownMajor && minor > ownMinor;
}

/**
 * Whether the `welcome` of the trace names a later minor version. A trace without `welcome` is assumed to follow the
 * version of the suite.
 */
export function followsLaterMinor(trace: Trace): boolean {
  const welcome = trace.frames.find(({ dir, json }) => dir === '<<' && textAt(json, 'type') === 'welcome');
  return isLaterMinor(textAt(member(welcome?.json, 'data'), 'protocolVersion') ?? '');
}
