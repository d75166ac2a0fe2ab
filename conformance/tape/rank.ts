/**
 * The parts of the protocol in the order in which a client uses them. A fault in an earlier part should be fixed first.
 */
import { flatten } from './tape.ts';
import type { Tape } from './tape.ts';

const ORDER: readonly string[] = [
  'liveness',
  'probe',
  'welcome',
  'frames',
  'ping',
  'subscribe',
  'broadcast',
  'event',
  'unsubscribe',
  'list_subscriptions',
  'sync',
  'heartbeat',
  'replay_complete',
  'gap',
  'authenticate',
  'subscription_closed',
  'closing',
  'invariants',
  'frames/http',
];

/** The rank of a check: the index in `ORDER` of its id, or of the part of the id before the slash. */
export function rankOf(id: string): number {
  const index = ORDER.indexOf(ORDER.includes(id) ? id : (id.split('/')[0] ?? ''));
  return index < 0 ? ORDER.length : index;
}

/** The name that stands for the type of every message that is invalid on purpose. */
export const MALFORMED = 'malformed';

/**
 * The kinds of message to which a tape needs replies, including the messages that the runner sends for the tape on its
 * own connections.
 */
export function needsRepliesTo({ header, steps }: Tape): ReadonlySet<string> {
  const kinds = new Set<string>(header.stimulus === 'none' ? [] : ['subscribe']);
  for (const step of flatten(steps)) {
    if (step.verb === 'send' && typeof step.message['type'] === 'string') kinds.add(step.message['type']);
    if (step.verb === 'sendText') kinds.add(MALFORMED);
  }
  return kinds;
}
