/** The link to one client: a WebSocket, or the response to a request for server-sent events. */
import type { Writable } from 'node:stream';
import type { Framing } from '../wire/framing.ts';

export interface LinkEvents {
  /** Called when the peer has sent something, which may be only a pong. */
  onReceived(): void;
  onText(text: string): void;
  onBinary(): void;
  /**
   * Called when a fault of the peer or of the network ends the link.
   * @param code the close code that the link itself sends to the peer; undefined if the link sends none
   */
  onFault(code: number | undefined): void;
  onClosed(code: number): void;
}

export interface Link {
  /** The socket. Each write must contain whole frames only. */
  readonly socket: Writable;
  readonly framing: Framing;
  /** Whether frames may be written. False until the response to a request has begun. */
  readonly isOpen: boolean;
  /** Whether reading is paused. */
  readonly isPaused: boolean;
  /** Sets the object that receives the events of this link. Must be called once. */
  listen(events: LinkEvents): void;
  pause(): void;
  resume(): void;
  /** Sends a ping (CON-4). @returns whether the peer must answer it */
  ping(): 'expects pong' | 'not supported';
  /**
   * Ends the link after everything that was written has been sent. If the peer does not end it too, the peer is disconnected after some
   * time.
   */
  close(code: number, reason: string): void;
  /** Ends the link at once. */
  terminate(): void;
}
