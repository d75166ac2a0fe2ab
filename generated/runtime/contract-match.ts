/**
 * Compares the contracts of client and server.
 *
 * Part of the client runtime: imports nothing from outside this directory.
 */
import { isObject } from './wire.ts';

export interface ContractMatch {
  readonly matches: boolean;
  /** SHA-256 of the contract that this client was generated from. */
  readonly ownDigest: string;
  /** SHA-256 of the server's contract; undefined if `welcome` does not contain it. */
  readonly serverDigest: string | undefined;
  /**
   * Events that this client declares and the server does not declare. The client can still subscribe to them and publish
   * them, as custom events. The server does not check their payloads, and refuses their filter fields.
   */
  readonly missingEvents: readonly string[];
  /** Events that the server declares and for which this client has no types. They arrive as custom events. */
  readonly unknownEvents: readonly string[];
}

interface OwnContract {
  readonly contractDigest: string;
  readonly events: readonly string[];
}

/** Stands for custom events among the names of `welcome.features.replay`. */
const CUSTOM = '*';

/** @param welcome `data` of the server's `welcome` */
export function matchContract(
  { contractDigest: ownDigest, events }: OwnContract,
  { contractDigest, features }: Readonly<Record<string, unknown>>,
): ContractMatch {
  const serverDigest = typeof contractDigest === 'string' ? contractDigest : undefined;
  const replay = isObject(features) && isObject(features.replay) ? features.replay : undefined;
  // If a server does not list its declared events, assume that it has all events of this client.
  const named = replay === undefined ? events : Object.keys(replay).filter((name) => name !== CUSTOM);
  return {
    matches: serverDigest === ownDigest,
    ownDigest,
    serverDigest,
    missingEvents: events.filter((name) => !named.includes(name)),
    unknownEvents: named.filter((name) => !events.includes(name)),
  };
}
