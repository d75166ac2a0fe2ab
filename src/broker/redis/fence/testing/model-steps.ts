/** The steps of the fence's model and their effects. The steps call each rule where a real node would call it. */
import * as knowledge from '../knowledge.ts';
import type { Head, KnownPlace } from '../knowledge.ts';
import * as membership from '../membership.ts';
import type { Found, StreamFacts } from '../verdict.ts';
import { EMPTY, STREAMS } from './fence-model.ts';
import type { FenceRules, ModelNode, StoredStream, Stream, World } from './fence-model.ts';

/**
 * A step. `oversleep`: the lease of a paused node expires. `drop`: a node loses its subscription. `attest`: a node stores its testimony.
 * `expire`: a node stops waiting for the testimonies of others. `publish unanswered`: the publisher does not learn of the result.
 */
export type Action =
  | { readonly kind: 'start' | 'renew' | 'pause' | 'resume' | 'oversleep' | 'crash' | 'leave'; readonly node: number }
  | { readonly kind: 'drop' | 'subscribe' | 'deliver'; readonly node: number }
  | { readonly kind: 'give up'; readonly node: number; readonly peer: string }
  | { readonly kind: 'publish' | 'publish unanswered'; readonly node: number; readonly stream: Stream }
  | { readonly kind: 'read' | 'attest' | 'expire'; readonly node: number; readonly stream: Stream }
  | { readonly kind: 'save' }
  | { readonly kind: 'restart'; readonly data: 'kept' | 'saved' | 'empty' };

/** All steps that are possible in this state of the world. */
export function actionsOf(world: World, rules: FenceRules): readonly Action[] {
  const { left } = world;
  const actions = world.nodes.flatMap((node, index) => actionsOfNode(world, node, { index, rules }));
  if (left.saves > 0) actions.push({ kind: 'save' });
  if (left.restarts > 0) {
    actions.push({ kind: 'restart', data: 'kept' }, { kind: 'restart', data: 'empty' });
    if (world.saved !== undefined) actions.push({ kind: 'restart', data: 'saved' });
  }
  return actions;
}

function actionsOfNode(
  world: World,
  at: ModelNode,
  { index: node, rules }: { readonly index: number; readonly rules: FenceRules },
): Action[] {
  const { left } = world;
  const actions: Action[] = [];
  if (at.life === 'absent') return left.starts > 0 ? [{ kind: 'start', node }] : [];
  if (left.crashes > 0) actions.push({ kind: 'crash', node });
  if (left.drops > 0 && at.subscribed) actions.push({ kind: 'drop', node });
  if (at.life === 'paused') {
    actions.push({ kind: 'resume', node });
    if (!at.overslept) actions.push({ kind: 'oversleep', node });
    return actions;
  }
  if (left.crashes > 0) actions.push({ kind: 'leave', node });
  if (left.pauses > 0) actions.push({ kind: 'pause', node });
  actions.push({ kind: 'renew', node });
  if (!at.subscribed) actions.push({ kind: 'subscribe', node });
  if (at.inbox.length > 0) actions.push({ kind: 'deliver', node });
  for (const peer of at.membership.peers.keys()) {
    if (rules.givesUpTheLiving || !mayStillLearn(world, peer)) actions.push({ kind: 'give up', node, peer });
  }
  const learns = at.membership.member && !at.overslept && at.registeredAt === run(world);
  for (const stream of STREAMS) {
    const stored = world.stored.streams[stream];
    if (stored !== undefined && stored.incarnation !== run(world)) {
      actions.push({ kind: 'attest', node, stream }, { kind: 'expire', node, stream });
    } else if (learns) {
      actions.push({ kind: 'read', node, stream });
      if (stored === undefined || left.publishes === 0) continue;
      actions.push({ kind: 'publish', node, stream }, { kind: 'publish unanswered', node, stream });
    }
  }
  return actions;
}

/** Executes one step. Modifies the world. */
export function act(world: World, action: Action, rules: FenceRules): void {
  if (action.kind === 'save') {
    world.left.saves -= 1;
    world.saved = world.stored;
    return;
  }
  if (action.kind === 'restart') return restart(world, action.data);
  const node = world.nodes[action.node];
  if (node === undefined) return;
  switch (action.kind) {
    case 'start':
      world.left.starts -= 1;
      return start(world, node, rules);
    case 'renew':
      return renew(world, node, rules);
    case 'pause':
      world.left.pauses -= 1;
      node.life = 'paused';
      return;
    case 'resume':
      node.life = 'up';
      return;
    case 'oversleep':
      node.overslept = true;
      return;
    case 'leave':
      unregister(world, node.membership.id);
      world.left.crashes -= 1;
      return end(node);
    case 'crash':
      world.left.crashes -= 1;
      return end(node);
    case 'drop':
      world.left.drops -= 1;
      node.inbox = [];
      node.subscribed = false;
      return;
    case 'subscribe':
      node.subscribed = true;
      return;
    case 'deliver':
      return deliver(world, node, rules);
    case 'give up':
      rules.giveUp(node.membership, action.peer);
      return unregister(world, action.peer);
    case 'publish':
      return publish(world, node, action.stream);
    case 'publish unanswered':
      return append(world, action.stream);
    case 'read':
      return read(world, node, action.stream, rules);
    case 'attest':
      return attest(world, node, action.stream, rules);
    case 'expire':
      return settle(world, node, action.stream, { rules, expired: true });
  }
}

const run = (world: World): string => `r${world.incarnation}`;
const newId = (world: World): string => `n${(world.lives += 1)}`;

/** Whether the node with this id may still receive events under this id. */
function mayStillLearn(world: World, id: string): boolean {
  return world.nodes.some(({ life, overslept, membership: at }) => life !== 'absent' && at.id === id && !overslept);
}

function start(world: World, node: ModelNode, rules: FenceRules): void {
  node.life = 'up';
  node.membership = membership.newMembership(newId(world));
  node.known = knowledge.newKnown();
  node.subscribed = true;
  renew(world, node, rules);
}

function end(node: ModelNode): void {
  Object.assign(node, { life: 'absent', overslept: false, subscribed: false, registeredAt: '', inbox: [] });
  node.membership = membership.newMembership('');
  node.known = knowledge.newKnown();
}

function unregister(world: World, id: string): void {
  const registry = new Map(world.stored.registry);
  if (registry.delete(id)) world.stored = { ...world.stored, registry };
}

function renew(world: World, node: ModelNode, rules: FenceRules): void {
  if (node.overslept) {
    unregister(world, node.membership.id);
    rules.loseLease(node.membership, newId(world));
    node.overslept = false;
  }
  const { id, peers } = node.membership;
  const registry = new Map(world.stored.registry);
  if (!registry.has(id)) rules.forgotten(node.membership);
  registry.set(id, { count: 0, member: node.membership.member, knows: [...peers.keys()].toSorted() });
  world.stored = { ...world.stored, registry };
  node.registeredAt = run(world);
  membership.readRegistry(node.membership, registry);
  if (!node.membership.member) rules.admit(node.membership, registry);
}

function restart(world: World, data: 'kept' | 'saved' | 'empty'): void {
  world.left.restarts -= 1;
  world.incarnation += 1;
  if (data === 'empty') world.stored = EMPTY;
  else if (data === 'saved' && world.saved !== undefined) world.stored = world.saved;
  for (const node of world.nodes) node.subscribed = false;
}

function store(world: World, stream: Stream, stored: StoredStream): void {
  world.stored = { ...world.stored, streams: { ...world.stored.streams, [stream]: stored } };
}

function headOf({ epoch, incarnation, log }: StoredStream): Head {
  return { epoch, incarnation, sequenceId: log.length, at: 0, eventId: log.at(-1) ?? '-' };
}

/**
 * Records that a node or a client knows which event has a position. Reports a violation if another event is known to have the same
 * position.
 */
function recordKnown(world: World, stream: Stream, { epoch, sequenceId, eventId }: KnownPlace): void {
  if (sequenceId === 0) return;
  const place = `${stream} ${epoch}/${sequenceId}`;
  const before = world.knownEvents.get(place);
  if (before !== undefined && before !== eventId)
    world.violation ??= `${before} and ${eventId} both have the position ${place}`;
  world.knownEvents.set(place, eventId);
  const stored = world.stored.streams[stream];
  if (stored !== undefined && stored.incarnation === run(world)) checkKept(world, stream, stored);
}

/** Checks that a stream that accepts events contains every known event of its epoch. */
function checkKept(world: World, stream: Stream, { epoch, log }: StoredStream): void {
  for (const [place, eventId] of world.knownEvents) {
    const [of, at = ''] = place.split(' ');
    const [within, number] = at.split('/');
    if (of === stream && within === epoch && log[Number(number) - 1] !== eventId) {
      world.violation ??= `the epoch continues without ${eventId} at ${place}`;
    }
  }
}

function publish(world: World, node: ModelNode, stream: Stream): void {
  append(world, stream);
  const stored = world.stored.streams[stream];
  if (stored === undefined) return;
  const place = headOf(stored);
  recordKnown(world, stream, place);
  knowledge.know(node.known, stream, place);
  knowledge.confirm(node.known, stream, place, node.membership.departures);
}

function append(world: World, stream: Stream): void {
  const before = world.stored.streams[stream];
  if (before === undefined) return;
  world.left.publishes -= 1;
  const stored = { ...before, log: [...before.log, `${run(world)}.${before.log.length + 1}`] };
  store(world, stream, stored);
  for (const other of world.nodes) {
    if (!other.subscribed || !other.known.streams.has(stream)) continue;
    other.inbox = [...other.inbox, { stream, incarnation: run(world), place: headOf(stored) }];
  }
}

/** A node reads the log because of an attach, a missing event or the periodic check of the head. */
function read(world: World, node: ModelNode, stream: Stream, rules: FenceRules): void {
  if (world.stored.streams[stream] === undefined || contradicts(world, node, stream, rules)) {
    store(world, stream, begun(world));
  }
  adopt(world, node, stream);
}

function contradicts(world: World, node: ModelNode, stream: Stream, rules: FenceRules): boolean {
  const known = node.known.streams.get(stream);
  const facts = factsFor(world, stream, known?.place);
  if (known === undefined || facts === undefined) return false;
  return rules.verdictOf({ place: known.place, unsure: false, confirmed: false }, facts) === 'contradicts';
}

function begun(world: World): StoredStream {
  return { epoch: `e${(world.epochs += 1)}`, incarnation: run(world), log: [], witnesses: new Map() };
}

function adopt(world: World, node: ModelNode, stream: Stream): void {
  const stored = world.stored.streams[stream];
  if (stored === undefined) return;
  const head = headOf(stored);
  knowledge.acceptHead(node.known, stream, head);
  knowledge.confirm(node.known, stream, head, node.membership.departures);
  for (const [index, eventId] of stored.log.entries()) {
    recordKnown(world, stream, { ...head, sequenceId: index + 1, eventId });
  }
}

function deliver(world: World, node: ModelNode, rules: FenceRules): void {
  const [message, ...inbox] = node.inbox;
  node.inbox = inbox;
  if (message === undefined || node.overslept) return;
  const { stream, incarnation, place } = message;
  const known = node.known.streams.get(stream);
  if (known === undefined || !rules.applies(node.known, node.membership, stream, incarnation)) return;
  // If the message does not directly follow the known position, it is a repetition, or an earlier message is missing. If one is missing, a
  // real node reads the log. The model has a separate step for this.
  if (place.epoch !== known.place.epoch || place.sequenceId !== known.place.sequenceId + 1) return;
  knowledge.know(node.known, stream, place);
  recordKnown(world, stream, place);
}

function factsFor(world: World, stream: Stream, place: KnownPlace | undefined): StreamFacts | undefined {
  const stored = world.stored.streams[stream];
  if (stored === undefined) return undefined;
  const eventId = place === undefined ? undefined : stored.log[place.sequenceId - 1];
  const found: Found = eventId === undefined ? { kind: 'missing' } : { kind: 'event', eventId };
  return { head: headOf(stored), incarnation: run(world), found };
}

/** A node settles a stream: it reads the registry, stores its testimony, and decides if the testimonies suffice. */
function attest(world: World, node: ModelNode, stream: Stream, rules: FenceRules): void {
  renew(world, node, rules);
  const testimony = rules.giveTestimony(node.known, node.membership, stream);
  const facts = factsFor(world, stream, testimony.place);
  const stored = world.stored.streams[stream];
  if (facts === undefined || stored === undefined) return;
  const { id, peers } = node.membership;
  const verdict = rules.verdictOf(testimony, facts);
  const witness = { node: id, verdict, peers: [...peers.keys()].toSorted(), run: run(world) };
  store(world, stream, { ...stored, witnesses: new Map(stored.witnesses).set(id, witness) });
  settle(world, node, stream, { rules, expired: false });
}

function settle(
  world: World,
  node: ModelNode,
  stream: Stream,
  { rules, expired }: { readonly rules: FenceRules; readonly expired: boolean },
): void {
  const stored = world.stored.streams[stream];
  if (stored === undefined) return;
  const witnesses = [...stored.witnesses.values()].filter((witness) => witness.run === run(world));
  if (!witnesses.some((witness) => witness.node === node.membership.id)) return;
  const decision = rules.decide({ fenced: stored.incarnation !== run(world), witnesses, expired });
  if (decision.kind === 'begin') store(world, stream, begun(world));
  else if (decision.kind === 'extend') {
    const extended = { ...stored, incarnation: run(world), witnesses: new Map() };
    store(world, stream, extended);
    checkKept(world, stream, extended);
  } else return;
  if (node.membership.member && !node.overslept) adopt(world, node, stream);
}
