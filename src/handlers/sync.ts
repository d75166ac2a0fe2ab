import type { Handlers } from '../../generated/handlers.ts';
import type { HandlerContext } from './context.ts';

/**
 * A barrier (SYN-1). First the broker delivers all events that were published earlier, then the reply is queued behind them. Until then,
 * the stream is attached, so that `sync` also works for a stream without subscriptions.
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
