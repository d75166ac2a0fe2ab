/** The messages that report positions to a subscription to many streams (MUL-4, MUL-5, MUL-6). */
import { MAX_ITEMS } from '../../generated/protocol.ts';
import type { PushMessage, StreamPosition } from '../../generated/types.ts';
import type { Subscription } from '../session/subscription.ts';

/** The maximum number of positions in one message. */
export const MAX_POSITIONS = MAX_ITEMS.PositionsData.positions;
const MAX_ENDED = MAX_ITEMS.PositionsData.ended;

/**
 * Reports the positions of streams, and the streams that have ended or have no events. The lists are divided into messages of the size that
 * the contract allows.
 */
export function positionMessages(
  { id: subscriptionId }: Subscription,
  {
    positions = [],
    ended = [],
  }: { readonly positions?: readonly StreamPosition[]; readonly ended?: readonly string[] },
): readonly PushMessage[] {
  const messages: PushMessage[] = [];
  for (let at = 0; at < positions.length; at += MAX_POSITIONS)
    messages.push({ type: 'positions', data: { subscriptionId, positions: positions.slice(at, at + MAX_POSITIONS) } });
  for (let at = 0; at < ended.length; at += MAX_ENDED)
    messages.push({
      type: 'positions',
      data: { subscriptionId, positions: [], ended: ended.slice(at, at + MAX_ENDED) },
    });
  return messages;
}
