import type { Handlers } from '../../generated/handlers.ts';
import { ProtocolError } from '../errors.ts';
import type { HandlerContext } from './context.ts';

/** Publishes one event, where the operator has turned the command on (BRD-2). */
export const broadcast: Handlers<HandlerContext>['broadcast'] = async (data, context) => {
  if (context.broadcast === 'off') {
    throw new ProtocolError(
      'forbidden',
      'The broadcast command is off on this gateway; publish by POST /ws/broadcast, or ask its operator to turn it on.',
    );
  }
  const { principal } = context.session;
  return {
    data: await context.publisher.publish(data, { name: 'broadcast', principal, payloadPointer: '/data/payload' }),
  };
};
