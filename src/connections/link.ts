/** The way to one client: a WebSocket, or the response to a request for server-sent events. */
import type { Writable } from 'node:stream';
import type { Framing } from '../wire/framing.ts';

export interface LinkEvents {
  /** The peer sent something, such as a pong. */
  readonly onHeard: () => void;
  readonly onText: (text: string) => void;
  readonly onBinary: () => void;
  /** A fault of the peer or of the network ends the link. @param code the close code that the link itself sends, if any */
  readonly onFault: (code: number | undefined) => void;
  readonly onClosed: (code: number) => void;
}

export interface Link {
  /** Takes whole frames. */
  readonly socket: Writable;
  readonly framing: Framing;
  /** Whether frames may be written: not before the response to a request has begun. */
  readonly isOpen: boolean;
  /** Whether reading is paused. */
  readonly isPaused: boolean;
  /** Called once. */
  listen(events: LinkEvents): void;
  pause(): void;
  resume(): void;
  /** Sends a ping (CON-4). @returns whether the peer has to answer it */
  ping(): 'expects pong' | 'not supported';
  /** Ends the link after everything that was written. A peer that does not end it, too, is disconnected after a while. */
  close(code: number, reason: string): void;
  /** Ends the link at once. */
  terminate(): void;
}
