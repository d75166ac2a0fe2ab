/**
 * Prepares a trace for the invariants. For each connection: its commands with their replies, its subscriptions from
 * start to end, and the events that it received.
 */
import { COMMANDS, PATTERNS } from '../../generated/protocol.ts';
import { isArray, isObject, member, numberAt, textAt, textsAt } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import type { Frame, Trace } from './trace.ts';

/** An `event` message. Events with missing or invalid members are left out, because the frame checks report them. */
export interface SeenEvent {
  readonly frame: Frame;
  readonly subscriptionIds: readonly string[];
  readonly isReplay: boolean;
  readonly stream: string;
  readonly epoch: string;
  readonly sequenceId: number;
  readonly eventId: string;
  readonly event: string;
  readonly emittedAt: string;
  readonly source: Json;
  readonly payload: Json;
}

export interface Place {
  readonly epoch: string;
  readonly sequenceId: number;
}

/** A subscription, from its `subscribed` to its end. */
export interface SubscriptionSpan {
  readonly connection: ConnectionReading;
  readonly id: string;
  /** The mode of the replay. */
  readonly mode: string;
  readonly subscribed: Frame;
  /** The `unsubscribed` or `subscription_closed` that ended the subscription; undefined while it is active. */
  ended: Frame | undefined;
  /** The `replay_complete` of the subscription. */
  completed: Frame | undefined;
}

/** A subscription to many streams. */
export interface ManyStreamsSubscription extends SubscriptionSpan {
  /** The streams that the subscription selects. */
  readonly streams: readonly string[];
  /** Whether the subscription selects every event and has no filter. */
  readonly whole: boolean;
  /** The positions from which the client resumed, by stream. */
  readonly after: ReadonlyMap<string, Place>;
}

/** A subscription to one stream. */
export interface StreamSubscription extends SubscriptionSpan {
  readonly stream: string;
  readonly events: readonly string[];
  /** The filter that the client requested, not the form that the server returned. */
  readonly filter: JsonObject;
  readonly after: Place | undefined;
  /** Whether the client also asked for the events of the warm picture (the current state) up to `after` (RPL-7). */
  readonly withPicture: boolean;
  readonly position: Place;
  readonly recovery: Json;
}

export interface Command {
  readonly frame: Frame;
  readonly type: string;
  readonly id: string | undefined;
  readonly data: Json;
  readonly malformed: boolean;
  reply: Frame | undefined;
}

export interface ConnectionReading {
  readonly number: number;
  readonly actor: string;
  readonly frames: readonly Frame[];
  /** Messages of the server, in order. */
  readonly received: readonly Frame[];
  readonly commands: readonly Command[];
  /** Replies without a matching command. */
  readonly orphans: readonly Frame[];
  readonly subscriptions: readonly StreamSubscription[];
  /** Subscriptions to many streams. */
  readonly manyStreamsSubscriptions: readonly ManyStreamsSubscription[];
  readonly events: readonly SeenEvent[];
  readonly welcome: Json | undefined;
  /** The frame with which the client ended the connection. */
  readonly left: Frame | undefined;
  readonly closed: Frame | undefined;
}

export interface Reading {
  readonly trace: Trace;
  readonly connections: readonly ConnectionReading[];
}

/**
 * The value of `by` in the frame `open` of a connection that uses server-sent events. Such a connection has neither
 * pings nor close codes (SSE-4).
 */
export const EVENT_STREAM = 'server-sent events';

export function isEventStream({ frames }: ConnectionReading): boolean {
  return frames.some(({ kind, json }) => kind === 'open' && textAt(json, 'by') === EVENT_STREAM);
}

export function typeOf(frame: Frame): string {
  return textAt(frame.json, 'type') ?? '';
}

export function dataOf(frame: Frame): Json | undefined {
  return member(frame.json, 'data');
}

const REPLIES: ReadonlySet<string> = new Set([...Object.values(COMMANDS).map(({ reply }) => reply), 'error']);

export function isReply(frame: Frame): boolean {
  return REPLIES.has(typeOf(frame));
}

export function placeOf(value: Json | undefined): Place | undefined {
  const epoch = textAt(value, 'epoch');
  const sequenceId = numberAt(value, 'sequenceId');
  return epoch === undefined || sequenceId === undefined ? undefined : { epoch, sequenceId };
}

/** The positions in a list, by the names of their streams. */
export function placesOf(value: Json | undefined): ReadonlyMap<string, Place> {
  const items = (isArray(value) ? value : []).map((item) => [textAt(item, 'stream') ?? '', placeOf(item)] as const);
  return new Map(items.flatMap(([stream, place]) => (place === undefined ? [] : [[stream, place]])));
}

function readEvent(frame: Frame): SeenEvent | undefined {
  const data = dataOf(frame);
  const place = placeOf(data);
  const [stream, eventId, event, emittedAt] = ['stream', 'eventId', 'event', 'emittedAt'].map((key) =>
    textAt(data, key),
  );
  if (place === undefined || stream === undefined || eventId === undefined) return undefined;
  return {
    frame,
    ...place,
    stream,
    eventId,
    event: event ?? '',
    emittedAt: emittedAt ?? '',
    subscriptionIds: textsAt(data, 'subscriptionIds'),
    isReplay: member(data, 'isReplay') === true,
    source: member(data, 'source') ?? null,
    payload: member(data, 'payload') ?? null,
  };
}

function readCommand(frame: Frame): Command {
  const id = textAt(frame.json, 'id');
  return {
    frame,
    type: typeOf(frame),
    id: id !== undefined && PATTERNS.MessageId.test(id) ? id : undefined,
    data: dataOf(frame) ?? null,
    malformed: frame.malformed === true,
    reply: undefined,
  };
}

/**
 * The command that a reply answers: the oldest unanswered command with the id of the reply, preferably a command that expects
 * a reply of this type. A reply without an id may also answer a malformed command, because the server may have been unable
 * to read the command's id.
 */
function answered(commands: readonly Command[], reply: Frame): Command | undefined {
  const id = textAt(reply.json, 'id');
  const open = commands.filter((each) => each.reply === undefined);
  return (
    open.find((each) => each.id === id && suits(each, reply)) ??
    open.find((each) => each.id === id) ??
    (id === undefined ? open.find((each) => each.malformed) : undefined)
  );
}

function suits(command: Command, reply: Frame): boolean {
  const type = typeOf(reply);
  const known = Object.hasOwn(COMMANDS, command.type)
    ? COMMANDS[command.type as keyof typeof COMMANDS].reply
    : undefined;
  return type === 'error' || type === known;
}

function openOne(command: Command, reply: Frame, connection: ConnectionReading): StreamSubscription | undefined {
  const data = dataOf(reply);
  const id = textAt(data, 'subscriptionId');
  const position = placeOf(member(data, 'position'));
  if (command.type !== 'subscribe' || id === undefined || position === undefined) return undefined;
  const replay = member(command.data, 'replay');
  const filter = member(command.data, 'filter');
  return {
    connection,
    id,
    stream: textAt(command.data, 'stream') ?? 'main',
    events: textsAt(command.data, 'events'),
    filter: isObject(filter) ? filter : {},
    mode: textAt(replay, 'mode') ?? 'warm',
    after: placeOf(member(replay, 'after')),
    withPicture: member(replay, 'withPicture') === true,
    subscribed: reply,
    position,
    recovery: member(data, 'recovery') ?? null,
    ended: undefined,
    completed: undefined,
  };
}

function openMany(command: Command, reply: Frame, connection: ConnectionReading): ManyStreamsSubscription | undefined {
  const data = dataOf(reply);
  const id = textAt(data, 'subscriptionId');
  const streams = textsAt(data, 'streams');
  if (command.type !== 'subscribe' || id === undefined || streams.length === 0) return undefined;
  const replay = member(command.data, 'replay');
  const filter = member(command.data, 'filter');
  return {
    connection,
    id,
    streams,
    whole: textsAt(command.data, 'events').includes('*') && (!isObject(filter) || Object.keys(filter).length === 0),
    mode: textAt(replay, 'mode') ?? 'warm',
    after: placesOf(member(replay, 'positions')),
    subscribed: reply,
    ended: undefined,
    completed: undefined,
  };
}

interface Building extends ConnectionReading {
  readonly frames: Frame[];
  readonly received: Frame[];
  readonly commands: Command[];
  readonly orphans: Frame[];
  readonly subscriptions: StreamSubscription[];
  readonly manyStreamsSubscriptions: ManyStreamsSubscription[];
  readonly events: SeenEvent[];
  welcome: Json | undefined;
  left: Frame | undefined;
  closed: Frame | undefined;
}

/** The subscription with this id that is active at this point of the trace. */
function activeOf(connection: Building, id: string): SubscriptionSpan | undefined {
  const isActive = (span: SubscriptionSpan): boolean => span.id === id && span.ended === undefined;
  return connection.subscriptions.findLast(isActive) ?? connection.manyStreamsSubscriptions.findLast(isActive);
}

function takeReply(connection: Building, frame: Frame): void {
  const command = answered(connection.commands, frame);
  if (command === undefined) connection.orphans.push(frame);
  else command.reply = frame;
  if (typeOf(frame) === 'subscribed' && command !== undefined) {
    const subscription = openOne(command, frame, connection);
    const toMany = openMany(command, frame, connection);
    if (subscription !== undefined) connection.subscriptions.push(subscription);
    else if (toMany !== undefined) connection.manyStreamsSubscriptions.push(toMany);
  }
  if (typeOf(frame) === 'unsubscribed')
    for (const id of textsAt(dataOf(frame), 'subscriptionIds')) {
      const subscription = activeOf(connection, id);
      if (subscription !== undefined) subscription.ended = frame;
    }
}

function takeMessage(connection: Building, frame: Frame): void {
  connection.received.push(frame);
  const type = typeOf(frame);
  if (isReply(frame)) return takeReply(connection, frame);
  const subscription = activeOf(connection, textAt(dataOf(frame), 'subscriptionId') ?? '');
  if (type === 'welcome') connection.welcome ??= dataOf(frame);
  if (type === 'subscription_closed' && subscription !== undefined) subscription.ended = frame;
  if (type === 'replay_complete' && subscription !== undefined) subscription.completed ??= frame;
  if (type !== 'event') return;
  const event = readEvent(frame);
  if (event !== undefined) connection.events.push(event);
}

function takeFrame(connection: Building, frame: Frame): void {
  const { dir, kind } = frame;
  connection.frames.push(frame);
  if (kind === 'close' && dir === '>>') connection.left ??= frame;
  if (kind === 'close' && dir === '<<') connection.closed ??= frame;
  if (kind !== 'text') return;
  if (dir === '>>') connection.commands.push(readCommand(frame));
  else takeMessage(connection, frame);
}

export function readFrames(trace: Trace): Reading {
  const connections = new Map<number, Building>();
  for (const frame of trace.frames) {
    if (frame.connection === 0) continue;
    let connection = connections.get(frame.connection);
    if (connection === undefined) {
      connection = {
        number: frame.connection,
        actor: frame.actor,
        frames: [],
        received: [],
        commands: [],
        orphans: [],
        subscriptions: [],
        manyStreamsSubscriptions: [],
        events: [],
        welcome: undefined,
        left: undefined,
        closed: undefined,
      };
      connections.set(frame.connection, connection);
    }
    takeFrame(connection, frame);
  }
  return { trace, connections: [...connections.values()] };
}

const READINGS = new WeakMap<Trace, { readonly frames: number; readonly reading: Reading }>();

/** The reading of a trace, computed once for all invariants. */
export function read(trace: Trace): Reading {
  const known = READINGS.get(trace);
  if (known?.frames === trace.frames.length) return known.reading;
  const reading = readFrames(trace);
  READINGS.set(trace, { frames: trace.frames.length, reading });
  return reading;
}
