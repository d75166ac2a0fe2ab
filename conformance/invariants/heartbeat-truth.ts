import type { Invariant, Report } from '../trace/finding.ts';
import { isArray, member, numberAt, textAt } from '../trace/json.ts';
import type { ConnectionReading, Life } from '../trace/reading.ts';
import { dataOf, livesAt, placeOf, typeOf } from '../trace/reading.ts';
import type { Frame } from '../trace/trace.ts';

/** Its end was asked for before the heartbeat came: the server may have ended it, and its answer be on the way. */
function mayBeOver({ connection, id, subscribed }: Life, beat: Frame): boolean {
  return connection.commands.some(({ type, data, frame }) => {
    if (frame.n > beat.n || frame.n < subscribed.n) return false;
    return type === 'authenticate' || (type === 'unsubscribe' && (textAt(data, 'subscriptionId') ?? id) === id);
  });
}

/** A resume is on its way: what is safe for all subscriptions of the stream lies before what the others have got already. */
function isResuming({ commands, lives }: ConnectionReading, stream: string, beat: Frame): boolean {
  return commands.some(({ type, data, frame, reply }) => {
    const mode = textAt(member(data, 'replay'), 'mode');
    if (type !== 'subscribe' || mode !== 'resume' || frame.n > beat.n) return false;
    if ((textAt(data, 'stream') ?? 'main') !== stream || textAt(reply?.json, 'type') === 'error') return false;
    const completed = lives.find((life) => life.subscribed === reply)?.completed;
    return completed === undefined || completed.n > beat.n;
  });
}

function judgePositions(connection: ConnectionReading, beat: Frame, report: Report): void {
  const said = member(dataOf(beat), 'positions');
  const positions = new Map(
    (isArray(said) ? said : []).map((each) => [textAt(each, 'stream'), placeOf(each)] as const),
  );
  for (const life of connection.lives.filter((each) => livesAt(each, beat.n) && !mayBeOver(each, beat))) {
    const position = positions.get(life.stream);
    if (position === undefined) {
      report.violate(`the heartbeat says no position of ${life.stream}`, life.subscribed, beat);
      continue;
    }
    if (isResuming(connection, life.stream, beat)) continue;
    const last = connection.events.findLast(
      (each) => each.frame.n < beat.n && each.stream === life.stream && each.epoch === position.epoch,
    );
    if (last !== undefined && !last.isReplay && position.sequenceId < last.sequenceId)
      report.violate(
        `${life.stream}: the heartbeat says ${position.sequenceId}, ${last.sequenceId} had come`,
        last.frame,
        beat,
      );
  }
}

/** What a heartbeat says is what came before it. */
export const heartbeatTruth: Invariant = {
  id: 'invariants/heartbeat-truth',
  clauses: ['CON-3'],
  why: 'delivered is the number of events that came before the heartbeat, and positions names every subscribed stream.',
  look: ({ connections }, report) => {
    for (const connection of connections)
      for (const beat of connection.received.filter((frame) => typeOf(frame) === 'heartbeat')) {
        report.fire();
        const came = connection.events.filter(({ frame }) => frame.n < beat.n).length;
        const said = numberAt(dataOf(beat), 'delivered');
        if (said !== came) report.violate(`the heartbeat counts ${said ?? 'nothing'}, ${came} events had come`, beat);
        judgePositions(connection, beat, report);
      }
  },
};
