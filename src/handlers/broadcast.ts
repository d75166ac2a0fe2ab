import type { Handlers } from '../../generated/handlers.ts';
import { targetStream } from '../catalogue/home-stream.ts';
import { hintsOf } from '../catalogue/near-miss.ts';
import { ProtocolError } from '../errors.ts';
import type { HandlerContext } from './context.ts';

/** Publishes one event, if the operator has enabled the `broadcast` command (BRD-2). */
export const broadcast: Handlers<HandlerContext>['broadcast'] = async (data, context) => {
  const { principal, remoteAddress } = context.session;
  if (context.broadcast === 'off') {
    const { event } = data;
    const stream = targetStream(data, context.catalogue);
    const { id } = principal;
    context.audit.record({ kind: 'broadcast', principal: id, remoteAddress, stream, event, outcome: 'denied' });
    throw new ProtocolError(
      'forbidden',
      'The broadcast command is off on this gateway; publish by POST /ws/broadcast, or ask the operator to turn it on.',
    );
  }
  const pointers = { payload: '/data/payload', stream: '/data/stream' } as const;
  const origin = { name: 'broadcast', principal, remoteAddress, pointers } as const;
  const place = await context.publisher.publish(data, origin);
  return { data: { ...place, ...hintsOf([data.event], context.catalogue, () => '/data/event') } };
};
