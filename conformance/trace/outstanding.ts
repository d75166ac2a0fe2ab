/** Lists the frames that the server had not answered at the end of a trace. One of them may have caused a failure. */
import { isObject, member, textAt } from './json.ts';
import { readFrames } from './reading.ts';
import { Trace } from './trace.ts';
import type { Frame } from './trace.ts';

/** The text of the mark with which the trace records a handshake without a response. */
export const HANDSHAKE_MARK = 'the handshake got no response';

/**
 * Whether the server itself sent this frame. False for the notes of the runner, for example about an HTTP fault or a
 * broken connection.
 */
export function isFromServer({ dir, kind, json }: Frame): boolean {
  if (dir === '>>' || kind === 'mark') return false;
  if (kind === 'http') return member(json, 'status') !== undefined;
  return kind !== 'close' || member(json, 'code') !== 1006;
}

function sameRequest(left: Frame, right: Frame): boolean {
  return (
    left.check === right.check &&
    textAt(left.json, 'method') === textAt(right.json, 'method') &&
    textAt(left.json, 'path') === textAt(right.json, 'path')
  );
}

/**
 * The HTTP requests without a response. A response does not name its request, so equal requests of one check are
 * matched with responses in order.
 */
function openRequests(frames: readonly Frame[]): readonly Frame[] {
  const open: Frame[] = [];
  for (const frame of frames) {
    if (frame.kind !== 'http' || !isObject(frame.json)) continue;
    if (frame.dir === '>>') open.push(frame);
    else if (isFromServer(frame)) {
      const index = open.findIndex((each) => sameRequest(each, frame));
      if (index >= 0) open.splice(index, 1);
    }
  }
  return open;
}

/** Whether the server sent anything on a connection after a frame. If it did, the frame did not make the server crash or hang. */
function wentOn(frames: readonly Frame[], frame: Frame): boolean {
  return frames.some((each) => each.connection === frame.connection && each.n > frame.n && isFromServer(each));
}

/**
 * Frames of the client that the server has not answered, in order: commands, HTTP requests, handshakes without a
 * response, and binary frames and pings after which the server sent nothing on their connection. If the server closed a
 * connection and later sent anything but a close, the commands on that connection are left out: they did not make the
 * server crash or hang.
 */
export function outstanding(trace: Trace): readonly Frame[] {
  const { frames } = trace;
  const lastSign = frames.findLast((frame) => isFromServer(frame) && frame.kind !== 'close')?.n ?? 0;
  const commands = readFrames(trace).connections.flatMap(({ closed, commands: sent }) =>
    closed !== undefined && isFromServer(closed) && closed.n < lastSign
      ? []
      : sent.filter(({ reply }) => reply === undefined).map(({ frame }) => frame),
  );
  const others = frames.filter(
    (frame) =>
      frame.dir === '>>' &&
      frame.connection !== 0 &&
      (frame.kind === 'binary' || frame.kind === 'ping' || frame.text.startsWith(HANDSHAKE_MARK)) &&
      !wentOn(frames, frame),
  );
  return [...commands, ...openRequests(frames), ...others].toSorted((left, right) => left.n - right.n);
}

/** The part of a trace before a frame. */
export function traceBefore(trace: Trace, n: number): Trace {
  const part = new Trace(trace.header, () => 0);
  part.frames.push(...trace.frames.slice(0, n - 1));
  return part;
}

/**
 * A copy of the trace for checks that must not blame the server for some broken connections. In the copy, a missing close frame
 * that `isExcused` accepts counts as sent by the client.
 */
export function withoutEnds(trace: Trace, isExcused: (end: Frame) => boolean): Trace {
  const copy = new Trace(trace.header, () => 0);
  for (const frame of trace.frames) {
    const isBroken = frame.kind === 'close' && !isFromServer(frame) && isExcused(frame);
    copy.frames.push(isBroken ? { ...frame, dir: '>>' } : frame);
  }
  return copy;
}
