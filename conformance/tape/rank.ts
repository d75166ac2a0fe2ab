/** The order in which a client meets the parts of the protocol: a part that comes first is to be mended first. */
import { flatten } from './tape.ts';
import type { Tape } from './tape.ts';

const ORDER: readonly string[] = [
  'vigil',
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

/** The place of a check among the others, by its id or the part of it before the slash. */
export function rankOf(id: string): number {
  const index = ORDER.indexOf(ORDER.includes(id) ? id : (id.split('/')[0] ?? ''));
  return index < 0 ? ORDER.length : index;
}

/** Stands for every message that is invalid on purpose. */
export const MALFORMED = 'malformed';

/** The kinds of message to which a tape needs replies; those of the runner's own connections for it as well. */
export function needsRepliesTo({ header, steps }: Tape): ReadonlySet<string> {
  const kinds = new Set<string>(header.stimulus === 'none' ? [] : ['subscribe']);
  for (const step of flatten(steps)) {
    if (step.verb === 'send' && typeof step.message['type'] === 'string') kinds.add(step.message['type']);
    if (step.verb === 'sendText') kinds.add(MALFORMED);
  }
  return kinds;
}
