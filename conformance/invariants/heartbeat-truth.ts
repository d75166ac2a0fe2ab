import type { Invariant, Report } from '../trace/finding.ts';
import { isArray, member, numberAt, textAt, textsAt } from '../trace/json.ts';
import type { ConnectionReading, Life, Place } from '../trace/reading.ts';
import { dataOf, livesAt, placeOf, typeOf } from '../trace/reading.ts';
import type { Frame } from '../trace/trace.ts';

/** Its end was asked for before the heartbeat came: the server may have ended it, and its answer be on the way. */
function mayBeOver({ connection, id, subscribed }: Life, beat: Frame): boolean {
  return connection.commands.some(({ type, data, frame }) => {
    if (frame.n > beat.n || frame.n < subscribed.n) return false;
    return type === 'authenticate' || (type === 'unsubscribe' && (textAt(data, 'subscriptionId') ?? id) === id);
  });
}

/** A replay is on its way: the position lies before its next event, and so before what other subscriptions have got already. */
function isReplaying({ commands, lives }: ConnectionReading, stream: string, beat: Frame): boolean {
  return commands.some(({ type, data, frame, reply }) => {
    const mode = textAt(member(data, 'replay'), 'mode') ?? 'warm';
    if (type !== 'subscribe' || mode === 'none' || frame.n > beat.n) return false;
    if ((textAt(data, 'stream') ?? 'main') !== stream || textAt(reply?.json, 'type') === 'error') return false;
    const completed = lives.find((life) => life.subscribed === reply)?.completed;
    return completed === undefined || completed.n > beat.n;
  });
}

/** Subscriptions of a stream that had begun before the heartbeat, and no other one of their name after it. */
function begunBefore(connection: ConnectionReading, stream: string, beat: Frame): ReadonlySet<string> {
  const begun = new Set<string>();
  for (const life of connection.lives) {
    if (life.subscribed.n > beat.n) begun.delete(life.id);
    else if (life.stream === stream) begun.add(life.id);
  }
  return begun;
}

/** Of what came after the heartbeat, for subscriptions that had begun before it: nothing lies at its position or before. */
function judgeRest(connection: ConnectionReading, beat: Frame, stream: string, position: Place, report: Report): void {
  const begun = begunBefore(connection, stream, beat);
  const isBehind = (place: Place | undefined): boolean =>
    place !== undefined && place.epoch === position.epoch && place.sequenceId < position.sequenceId;
  for (const event of connection.events) {
    if (event.frame.n < beat.n || event.stream !== stream || !event.subscriptionIds.some((id) => begun.has(id)))
      continue;
    if (!isBehind({ epoch: event.epoch, sequenceId: event.sequenceId - 1 })) continue;
    const text = `${stream}: the heartbeat says ${position.sequenceId}, and ${event.sequenceId} came after it`;
    return report.violate(text, beat, event.frame);
  }
  for (const frame of connection.received) {
    const data = dataOf(frame);
    if (frame.n < beat.n || typeOf(frame) !== 'gap' || textAt(data, 'stream') !== stream) continue;
    if (!textsAt(data, 'subscriptionIds').some((id) => begun.has(id)) || !isBehind(placeOf(member(data, 'from'))))
      continue;
    return report.violate(
      `${stream}: the heartbeat says ${position.sequenceId}, and a gap before it came after it`,
      beat,
      frame,
    );
  }
}

function judgePositions(connection: ConnectionReading, beat: Frame, report: Report): void {
  const said = member(dataOf(beat), 'positions');
  const positions = new Map(
    (isArray(said) ? said : []).map((each) => [textAt(each, 'stream'), placeOf(each)] as const),
  );
  for (const [stream, position] of positions)
    if (stream !== undefined && position !== undefined) judgeRest(connection, beat, stream, position, report);
  for (const life of connection.lives.filter((each) => livesAt(each, beat.n) && !mayBeOver(each, beat))) {
    const position = positions.get(life.stream);
    if (position === undefined) {
      report.violate(`the heartbeat says no position of ${life.stream}`, life.subscribed, beat);
      continue;
    }
    if (isReplaying(connection, life.stream, beat)) continue;
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

/** What a heartbeat says is what came before it, and nothing that came after it. */
export const heartbeatTruth: Invariant = {
  id: 'invariants/heartbeat-truth',
  clauses: ['CON-3', 'CON-7'],
  why: 'delivered is the number of events that came before the heartbeat; positions names every subscribed stream, before everything that came later.',
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
