import type { Socket } from 'node:net';

/**
 * Calls `take` with each line from a control connection. The calls are immediate, so all lines of one packet are
 * handled in one turn of the event loop.
 */
export function readLines(socket: Socket, take: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(take);
  });
}
