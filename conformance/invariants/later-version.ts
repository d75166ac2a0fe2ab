/** Whether the target follows a later minor version of the contract than the suite: then it may send what the suite does not know. */
import { PROTOCOL_VERSION } from '../../generated/protocol.ts';
import { member, textAt } from '../trace/json.ts';
import type { Trace } from '../trace/trace.ts';

function numbersOf(version: string): readonly [number, number] {
  const [major = NaN, minor = NaN] = version.split('.').map(Number);
  return [major, minor];
}

/** A later minor version of the same major version; a later patch adds nothing to the wire. */
export function isLaterMinor(version: string): boolean {
  const [major, minor] = numbersOf(version);
  const [ownMajor, ownMinor] = numbersOf(PROTOCOL_VERSION);
  return major === ownMajor && minor > ownMinor;
}

/**
 * Whether the `welcome` of the trace names a later minor version. A trace without `welcome` is taken to follow the version of the suite.
 */
export function followsLaterMinor(trace: Trace): boolean {
  const welcome = trace.frames.find(({ dir, json }) => dir === '<<' && textAt(json, 'type') === 'welcome');
  return isLaterMinor(textAt(member(welcome?.json, 'data'), 'protocolVersion') ?? '');
}
