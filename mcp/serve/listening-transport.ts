/** A transport that watches resources for a client, for as long as the client's `subscriptions/listen` request lasts. */
import { ProtocolErrorCode } from '@modelcontextprotocol/server';
import type {
  JSONRPCMessage,
  JSONRPCRequest,
  MessageExtraInfo,
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/server';
import { isListenRequest, startListening } from '../resources/listen.ts';
import type { ListenRequest } from '../resources/listen.ts';
import type { StreamWatch } from '../resources/watch.ts';

export class ListeningTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;
  readonly #inner: Transport;
  readonly #watch: StreamWatch;
  /** The `subscriptions/listen` requests in progress, by their ids. */
  readonly #listening = new Map<unknown, AbortController>();

  constructor(inner: Transport, watch: StreamWatch) {
    this.#inner = inner;
    this.#watch = watch;
  }

  start(): Promise<void> {
    this.#inner.onclose = () => {
      for (const end of this.#listening.values()) end.abort();
      this.onclose?.();
    };
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onmessage = (message: JSONRPCMessage, extra?: MessageExtraInfo) => {
      this.#end(cancelledIn(message));
      if ('id' in message && 'method' in message && isListenRequest(message)) void this.#listen(message, extra);
      else this.onmessage?.(message, extra);
    };
    return this.#inner.start();
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    return this.#inner.send(message, options);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #listen(request: JSONRPCRequest & ListenRequest, extra: MessageExtraInfo | undefined): Promise<void> {
    const { id } = request;
    this.#end(id);
    const { signal } = this.#begin(id);
    const { message, ended } = await startListening(request, { watch: this.#watch, signal });
    if (signal.aborted) return;
    this.onmessage?.(message, extra);
    ended.addEventListener('abort', () => this.#reportEnd(request), { once: true, signal });
    if (ended.aborted) this.#reportEnd(request);
  }

  #begin(id: unknown): AbortController {
    const end = new AbortController();
    this.#listening.set(id, end);
    return end;
  }

  #end(id: unknown): void {
    this.#listening.get(id)?.abort();
    this.#listening.delete(id);
  }

  /**
   * Ends a `subscriptions/listen` request. The library has no function with which a server can end a request. Therefore the library
   * receives a cancellation as if the client had sent it.
   */
  #reportEnd({ id }: JSONRPCRequest): void {
    this.#end(id);
    this.onmessage?.({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    const error = { code: ProtocolErrorCode.InternalError, message: 'The gateway has ended the subscription.' };
    this.#inner.send({ jsonrpc: '2.0', id, error }).catch(() => undefined);
  }
}

/** The id of the request that a message cancels; undefined if the message is not a cancellation. */
function cancelledIn(message: JSONRPCMessage): unknown {
  if (!('method' in message) || message.method !== 'notifications/cancelled') return undefined;
  return (message.params as { readonly requestId?: unknown } | undefined)?.requestId;
}
