import type { Handlers } from '../../generated/handlers.ts';
import type { HandlerContext } from './context.ts';

/**
 * A barrier (SYN-1). The broker hands over everything that was published before; the reply is then queued behind it.
 * The stream is attached for as long as that takes, so that a stream without subscriptions has an answer too.
 */
export const sync: Handlers<HandlerContext>['sync'] = async ({ stream }, { broker }) => {
  await broker.attach(stream);
  try {
    await broker.sync(stream);
    const { epoch, sequenceId } = broker.snapshot(stream).head;
    return { data: { stream, position: { epoch, sequenceId } } };
  } finally {
    broker.detach(stream);
  }
};
