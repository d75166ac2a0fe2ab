/**
 * How each event is replayed and filtered. The table has the values of the catalogue, except where the operator has set another replay
 * policy (RPL-3).
 */
import type { ReplayPolicy } from '../../generated/protocol.ts';
import { stockCatalogue } from './catalogue.ts';
import type { Catalogue, EventSpec } from './catalogue.ts';

export interface EventTable {
  of(event: string): EventSpec;
  readonly custom: EventSpec;
  /** The names of the events that have an entry. */
  readonly names: readonly string[];
}

function withPolicy(spec: EventSpec, policy: ReplayPolicy | undefined): EventSpec {
  return policy === undefined ? spec : { ...spec, replay: { ...spec.replay, policy } };
}

/**
 * @param overrides replay policies of the operator, by event name; `*` stands for custom events
 * @throws {RangeError} if `latest-per-key` is set for an event without a key
 */
export function eventTable(
  overrides: Readonly<Record<string, ReplayPolicy>> = {},
  catalogue: Catalogue = stockCatalogue,
): EventTable {
  const custom = withPolicy(catalogue.custom, overrides['*']);
  const specs = new Map<string, EventSpec>(
    [...catalogue.events].map(([name, spec]) => [name, withPolicy(spec, overrides[name])]),
  );
  for (const [name, policy] of Object.entries(overrides)) {
    if (name !== '*' && !specs.has(name)) specs.set(name, withPolicy(catalogue.custom, policy));
    const { replay } = name === '*' ? custom : (specs.get(name) ?? custom);
    if (replay.policy === 'latest-per-key' && replay.key === undefined)
      throw new RangeError(`${name} has no key, so its replay policy cannot be latest-per-key.`);
  }
  return { of: (event) => specs.get(event) ?? custom, custom, names: [...specs.keys()] };
}
