/** Runs random schedules of slow readers, and checks each of them. */
import { judge } from './judge.ts';
import type { Violation } from './judge.ts';
import { STREAMS, Simulation } from './simulation.ts';
import type { Peer } from './simulation.ts';

const STEPS = 60;
const PATTERNS = [['*'], ['tick'], ['file_change']] as const;

/** Runs the schedule that the seed determines. @returns the violations */
async function playSchedule(seed: number): Promise<readonly Violation[]> {
  const simulation = new Simulation(seed);
  await simulation.start();
  try {
    for (let n = 0; n < 2; n += 1) simulation.connect();
    for (let n = 0; n < STEPS; n += 1) await simulation.next(() => act(simulation));
    await simulation.drain();
    await simulation.next(() => simulation.peers.forEach((peer) => simulation.beat(peer)));
    await simulation.drain();
    const resumed = await resumeAll(simulation);
    return judge(simulation, resumed);
  } finally {
    simulation.stop();
  }
}

/** Runs at most this number of schedules, until one has a violation. That schedule can be repeated with the returned seed. */
export async function firstViolation(
  schedules: number,
): Promise<{ readonly seed: number; readonly found: readonly Violation[] } | undefined> {
  for (let seed = 1; seed <= schedules; seed += 1) {
    const found = await playSchedule(seed);
    if (found.length > 0) return { seed, found: found.slice(0, 5) };
  }
  return undefined;
}

function act(simulation: Simulation): void | Promise<unknown> {
  const { random } = simulation;
  const peer = simulation.random.pick(simulation.peers);
  const stream = random.pick(STREAMS);
  const lot = random.below(100);
  if (lot < 35) return simulation.publish(stream);
  if (lot < 39) return simulation.lose(stream);
  if (lot < 42) return simulation.loseFiles(stream);
  if (lot < 57) return simulation.flush();
  if (lot < 67) return peer.socket.read(random.pick([500, 4000, 20_000]));
  if (lot < 77) return simulation.beat(peer);
  if (peer.session.closed) return undefined;
  if (lot < 87) return simulation.subscribe(peer, stream, random.pick(PATTERNS), replayOf(simulation, stream));
  if (lot < 91) return unsubscribe(simulation, peer);
  if (lot < 94) return simulation.authenticate(peer, random.pick(['narrow', 'wide']));
  if (lot < 98) return simulation.command(peer, 'sync', { stream });
  return simulation.command(peer, random.pick(['ping', 'list_subscriptions']), {});
}

function unsubscribe(simulation: Simulation, peer: Peer): void {
  const open = peer.asked.filter(({ ended }) => ended === undefined);
  if (open.length > 0) simulation.unsubscribe(peer, simulation.random.pick(open));
}

function replayOf({ random, epochs, truth }: Simulation, stream: string): Record<string, unknown> {
  const lot = random.below(10);
  if (lot < 2) return { mode: 'none' };
  if (lot < 4) return { mode: 'warm' };
  const head = truth.get(stream)?.length ?? 0;
  const epoch = lot === 4 ? 'another' : (epochs.get(stream) ?? '');
  return { mode: 'resume', after: { epoch, sequenceId: lot === 5 ? head + 3 : random.below(head + 1) } };
}

/** A client that was disconnected right after a heartbeat, and then resumed from the positions in that heartbeat. */
export interface Resumed {
  readonly peer: Peer;
  /** The index of the last frame that `peer` received before the connection was cut. */
  readonly cutAt: number;
  readonly asked: string;
  readonly again: Peer;
}

/**
 * Selects one heartbeat of each peer. Resumes each subscription that existed at that heartbeat with a new client, which reads everything.
 */
async function resumeAll(simulation: Simulation): Promise<readonly Resumed[]> {
  const resumed: Resumed[] = [];
  for (const peer of [...simulation.peers]) {
    const frames = simulation.framesOf(peer);
    const beats = frames.flatMap(({ type }, at) => (type === 'heartbeat' ? [at] : []));
    if (beats.length === 0) continue;
    const cutAt = simulation.random.pick(beats);
    const positions = frames[cutAt]?.data['positions'] as { stream: string; epoch: string; sequenceId: number }[];
    for (const asked of peer.asked) {
      const isSubscribed = frames
        .slice(0, cutAt)
        .some(({ type, data }) => type === 'subscribed' && data['subscriptionId'] === asked.id);
      const position = positions.find(({ stream }) => stream === asked.stream);
      if (!isSubscribed || position === undefined || asked.ended !== undefined) continue;
      const again = simulation.connect();
      const { epoch, sequenceId } = position;
      await simulation.next(() =>
        simulation.subscribe(again, asked.stream, asked.events, { mode: 'resume', after: { epoch, sequenceId } }),
      );
      resumed.push({ peer, cutAt, asked: asked.id, again });
    }
  }
  await simulation.drain();
  return resumed;
}
