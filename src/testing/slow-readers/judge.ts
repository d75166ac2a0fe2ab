/**
 * Checks what the peers of a schedule received: the order of messages (BCK-3), and the positions in heartbeats (CON-7). After a resume from
 * any heartbeat, no event may be missing.
 */
import type { Resumed } from './schedule.ts';
import type { Asked, Peer, Simulation, TrueEvent } from './simulation.ts';
import type { WrittenFrame } from './simulated-peer.ts';

export interface Violation {
  readonly rule: string;
  readonly text: string;
}

interface Position {
  readonly stream: string;
  readonly epoch: string;
  readonly sequenceId: number;
}

const idsOf = ({ data }: WrittenFrame): readonly string[] =>
  (data['subscriptionIds'] as readonly string[] | undefined) ?? [String(data['subscriptionId'])];
const numberOf = ({ data }: WrittenFrame): number => Number(data['sequenceId']);

export function judge(simulation: Simulation, resumed: readonly Resumed[]): readonly Violation[] {
  const violations = simulation.faults.map((fault): Violation => ({ rule: 'fault', text: String(fault) }));
  const report = (rule: string, text: string): void => void violations.push({ rule, text });
  for (const peer of simulation.peers) {
    const frames = simulation.framesOf(peer);
    checkOrder(simulation, peer, frames, report);
    checkPhases(peer, frames, report);
    checkBarriers(simulation, peer, frames, report);
    frames.forEach((frame, at) => {
      if (frame.type === 'heartbeat') checkHeartbeat(simulation, peer, frames, at, report);
    });
    if (!peer.session.closed) for (const asked of peer.asked) checkCompleteness(simulation, asked, frames, report);
  }
  for (const each of resumed) checkResume(simulation, each, report);
  return violations;
}

type Report = (rule: string, text: string) => void;

/**
 * The step in which a message was queued, if the message must keep its order. Undefined if it may be sent before messages of earlier steps.
 */
function dueAt({ truth, losses }: Simulation, peer: Peer, frame: WrittenFrame): number | undefined {
  const subscribedAt = (): number | undefined => peer.asked.find(({ id }) => idsOf(frame).includes(id))?.step;
  switch (frame.type) {
    case 'event': {
      if (frame.data['isReplay'] === true) return subscribedAt();
      return truth.get(String(frame.data['stream']))?.[numberOf(frame) - 1]?.step;
    }
    case 'replay_complete':
      return subscribedAt();
    case 'gap': {
      const { reason, stream, to, repair } = frame.data as {
        reason: string;
        stream: string;
        to: Position;
        repair?: { paths: string[] };
      };
      if (reason === 'source_overflow') return losses.get(repair?.paths[0] ?? '');
      return reason === 'broker_lost' ? losses.get(`${stream}>${to.sequenceId}`) : subscribedAt();
    }
    case 'subscribed':
    case 'unsubscribed':
    case 'synced':
    case 'authenticated':
      return peer.commands.get(frame.id ?? '')?.step;
    default:
      return undefined;
  }
}

function checkOrder(simulation: Simulation, peer: Peer, frames: readonly WrittenFrame[], report: Report): void {
  let latest = 0;
  for (const frame of frames) {
    const due = dueAt(simulation, peer, frame);
    if (due === undefined) continue;
    // A source loss may be reported twice, the second time by a replay. `losses` only has the step of the first report, so the order of
    // source losses is not checked.
    const isToldAgain = frame.type === 'gap' && frame.data['reason'] === 'source_overflow';
    if (due < latest && !isToldAgain)
      report('order', `${frame.type} of step ${due} arrives after a message of step ${latest}`);
    latest = Math.max(latest, due);
  }
}

/**
 * Checks that the messages of each subscription arrive in this order: `subscribed`, replay, `replay_complete`, live events, end. No event
 * may arrive before `subscribed` or after the end.
 */
function checkPhases(peer: Peer, frames: readonly WrittenFrame[], report: Report): void {
  for (const { id } of peer.asked) {
    let phase: 'before' | 'replay' | 'live' | 'ended' = 'before';
    let last = 0;
    for (const frame of frames) {
      if (!idsOf(frame).includes(id)) continue;
      const { type, data } = frame;
      if (type === 'subscribed') phase = 'replay';
      else if (type === 'replay_complete') phase = 'live';
      else if (type === 'unsubscribed' || type === 'subscription_closed') phase = 'ended';
      else if (type === 'event') {
        if (phase === 'before' || phase === 'ended') report('life', `an event for ${id} in phase ${phase}`);
        if (data['isReplay'] === true && phase !== 'replay')
          report('life', `a replayed event for ${id} in phase ${phase}`);
        if (numberOf(frame) <= last) report('life', `event ${numberOf(frame)} after event ${last} for ${id}`);
        last = numberOf(frame);
      } else if (type === 'gap' && (phase === 'before' || phase === 'ended'))
        report('life', `a gap for ${id} in phase ${phase}`);
    }
  }
}

function matches({ events }: Asked, { event }: TrueEvent): boolean {
  return events.includes('*') || events.includes(event);
}

/** The live events that a subscription must have received before a step: its matching events that reached the node while it existed. */
function missable({ truth }: Simulation, asked: Asked, before: number): readonly TrueEvent[] {
  return (truth.get(asked.stream) ?? []).filter(
    (each) =>
      each.step > asked.step &&
      each.step < Math.min(before, asked.ended ?? Infinity) &&
      each.arrived &&
      matches(asked, each),
  );
}

function received(asked: Asked, frames: readonly WrittenFrame[]): ReadonlySet<number> {
  return new Set(frames.filter((frame) => frame.type === 'event' && idsOf(frame).includes(asked.id)).map(numberOf));
}

function checkCompleteness(
  simulation: Simulation,
  asked: Asked,
  frames: readonly WrittenFrame[],
  report: Report,
): void {
  if (!frames.some((frame) => frame.type === 'subscribed' && idsOf(frame).includes(asked.id))) return;
  const got = received(asked, frames);
  for (const { sequenceId } of missable(simulation, asked, Infinity))
    if (!got.has(sequenceId))
      report('whole', `event ${sequenceId} of ${asked.stream} was never delivered to ${asked.id}`);
}

/**
 * Checks that each `synced`, `unsubscribed` and `authenticated` arrives after everything that was published before its command (SYN-1,
 * BCK-3).
 */
function checkBarriers(simulation: Simulation, peer: Peer, frames: readonly WrittenFrame[], report: Report): void {
  frames.forEach((frame, at) => {
    const command = peer.commands.get(frame.id ?? '');
    if (command === undefined || !['synced', 'unsubscribed', 'authenticated'].includes(frame.type)) return;
    const before = frames.slice(0, at);
    for (const asked of peer.asked) {
      if (
        asked.step > command.step ||
        !before.some((each) => each.type === 'subscribed' && idsOf(each).includes(asked.id))
      )
        continue;
      const got = received(asked, before);
      for (const { sequenceId } of missable(simulation, asked, command.step))
        if (!got.has(sequenceId))
          report('barrier', `${frame.type} arrives before event ${sequenceId} of ${asked.stream}`);
    }
  });
}

function checkHeartbeat(
  simulation: Simulation,
  peer: Peer,
  frames: readonly WrittenFrame[],
  at: number,
  report: Report,
): void {
  const beat = frames[at];
  if (beat === undefined) return;
  const [before, after] = [frames.slice(0, at), frames.slice(at + 1)];
  const delivered = before.filter(({ type }) => type === 'event').length;
  if (beat.data['delivered'] !== delivered)
    report('delivered', `delivered is ${String(beat.data['delivered'])}, expected ${delivered}`);
  const positions = new Map((beat.data['positions'] as readonly Position[]).map((each) => [each.stream, each]));
  const begun = new Set(before.filter(({ type }) => type === 'subscribed').flatMap(idsOf));
  for (const asked of peer.asked) {
    const isOver = asked.ended !== undefined && asked.ended <= beat.step;
    if (begun.has(asked.id) && !isOver && !positions.has(asked.stream))
      report('named', `a heartbeat has no position for ${asked.stream}`);
  }
  for (const { stream, sequenceId } of positions.values()) {
    if (![...begun].some((id) => peer.asked.some((each) => each.id === id && each.stream === stream)))
      report('named', `a heartbeat has a position for ${stream} before \`subscribed\``);
    for (const frame of after) {
      if (!idsOf(frame).some((id) => begun.has(id)) || frame.data['stream'] !== stream) continue;
      if (frame.type === 'event' && numberOf(frame) <= sequenceId)
        report(
          'position',
          `a heartbeat has position ${sequenceId} of ${stream}, but event ${numberOf(frame)} arrived later`,
        );
      const { from } = frame.data as { from?: Position };
      if (frame.type === 'gap' && from !== undefined && from.sequenceId < sequenceId)
        report(
          'position',
          `a heartbeat has position ${sequenceId} of ${stream}, but a gap from ${from.sequenceId} arrived later`,
        );
    }
    const head = simulation.truth.get(stream)?.length;
    if (at === frames.length - 1 && !peer.session.closed && sequenceId !== head)
      report(
        'position',
        `the last heartbeat has position ${sequenceId} of ${stream}, but the head is ${head}, and nothing is queued`,
      );
  }
}

/** Checks that the client received each event, either before the cut or by the resume. Checks nothing if the resume reported a loss. */
function checkResume(simulation: Simulation, { peer, cutAt, asked: id, again }: Resumed, report: Report): void {
  const asked = peer.asked.find((each) => each.id === id);
  const second = again.asked[0];
  if (asked === undefined || second === undefined) return;
  const frames = simulation.framesOf(again);
  if (frames.some(({ type }) => type === 'gap')) return;
  const whole = simulation.framesOf(peer);
  const [first, rest] = [whole.slice(0, cutAt), whole.slice(cutAt)];
  const got = new Set([...received(asked, first), ...received(second, frames)]);
  const lost = new Set(
    first
      .filter(({ type, data }) => type === 'gap' && data['reason'] === 'broker_lost' && data['stream'] === asked.stream)
      .flatMap(({ data }) => {
        const { from, to } = data as { from: Position; to: Position };
        return Array.from({ length: to.sequenceId - from.sequenceId }, (_, n) => from.sequenceId + n + 1);
      }),
  );
  const live = (simulation.truth.get(asked.stream) ?? []).filter(
    (each) => each.step > asked.step && matches(asked, each),
  );
  const needed = new Set([...live.map(({ sequenceId }) => sequenceId), ...received(asked, rest)]);
  for (const sequenceId of needed)
    if (!got.has(sequenceId) && !lost.has(sequenceId))
      report('resume', `event ${sequenceId} of ${asked.stream} is lost for ${id}`);
}
