/** A short list of a contract's events, with their filters and replay policies. */
import type { OpenedContract } from './open.ts';

export interface EventSummary {
  readonly event: string;
  /** Whether the own-events document (the file with `x-extends`) declares this event itself. */
  readonly own: boolean;
  readonly summary: string;
  /** The replay policy, with its key if it has one. */
  readonly replay: string;
  /** Names of the filter fields. */
  readonly filters: readonly string[];
  /** Members of the payload; optional members end in `?`. */
  readonly payload: readonly string[];
}

export interface ContractSummary {
  readonly title: string;
  readonly version: string;
  readonly digest: string;
  readonly events: readonly EventSummary[];
}

export function summarise({ contract, own }: OpenedContract): ContractSummary {
  const mine = new Set(own?.events.map(({ name }) => name));
  return {
    title: own?.title ?? contract.title,
    version: own?.version ?? contract.version,
    digest: contract.digest,
    events: contract.events.map(({ name, message, replay, filterable, payload }) => {
      const { properties = {}, required = [] } = contract.schemas[payload] ?? {};
      const key = replay.key === undefined ? '' : ` (${replay.key}${replay.clears === true ? ', clears' : ''})`;
      return {
        event: name,
        own: mine.has(name),
        summary: contract.messages[message]?.summary ?? '',
        replay: `${replay.policy}${key}`,
        filters: Object.keys(filterable),
        payload: Object.keys(properties).map((member) => `${member}${required.includes(member) ? '' : '?'}`),
      };
    }),
  };
}
