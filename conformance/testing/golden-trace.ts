/**
 * A small correct trace to which every invariant applies: a witness that publishes, and alice, who subscribes with a
 * filter, syncs, resumes, fails to resume, unsubscribes and is drained.
 */
import type { Json, JsonObject } from '../trace/json.ts';
import { QUIET_MARK } from '../invariants/quiet.ts';
import { Trace } from '../trace/trace.ts';
import type { NewFrame } from '../trace/trace.ts';

export interface Labelled extends NewFrame {
  readonly label: string;
}

const STREAM = 'workspace:w';
const EPOCH = 'epoch-1';
const ID = { alice: 1, witness: 2 } as const;
type Actor = keyof typeof ID;

const EVENTS: readonly { readonly event: string; readonly payload: JsonObject }[] = [
  { event: 'entity_created', payload: { id: 'e1', entityType: 'function', name: 'one' } },
  { event: 'entity_created', payload: { id: 'e2', entityType: 'function', name: 'two' } },
  { event: 'sync_status', payload: { status: 'running' } },
  { event: 'entity_updated', payload: { id: 'e1', entityType: 'function', name: 'uno', changedFields: ['name'] } },
];

const at = (sequenceId: number, epoch = EPOCH): JsonObject => ({ epoch, sequenceId });

const ulid = (number: number): string => `01JD8QB3N0X5M6T9R2V4W8Y1Z${number}`;

function event(number: number, subscriptionIds: readonly string[], replayReason?: 'warm' | 'resume'): JsonObject {
  const { event: name, payload } = EVENTS[number - 1] ?? { event: '', payload: {} };
  return {
    subscriptionIds: [...subscriptionIds],
    isReplay: replayReason !== undefined,
    ...(replayReason === undefined ? {} : { replayReason }),
    stream: STREAM,
    ...at(number),
    eventId: ulid(number),
    event: name,
    emittedAt: `2026-01-01T00:00:0${number}.000Z`,
    source: { name: 'broadcast', principal: 'user:wit' },
    payload,
  };
}

class Script {
  readonly lines: Labelled[] = [];
  #at = 0;

  wait(ms: number): void {
    this.#at += ms;
  }

  line(label: string, frame: Omit<NewFrame, 'at'>): void {
    this.#at += 10;
    this.lines.push({ ...frame, at: this.#at, label });
  }

  sends(label: string, actor: Actor, type: string, data: Json, id = label): void {
    const text = JSON.stringify({ type, id, data });
    this.line(label, { actor, connection: ID[actor], dir: '>>', kind: 'text', text });
  }

  gets(label: string, actor: Actor, type: string, data: Json, id?: string): void {
    const text = JSON.stringify({ type, ...(id === undefined ? {} : { id }), data });
    this.line(label, { actor, connection: ID[actor], dir: '<<', kind: 'text', text });
  }

  publishes(number: number, ...readers: readonly string[]): void {
    const { event: name, payload } = EVENTS[number - 1] ?? { event: '', payload: {} };
    this.sends(`b${number}`, 'witness', 'broadcast', { stream: STREAM, event: name, payload });
    this.gets(`w${number}`, 'witness', 'event', event(number, ['all']));
    if (readers.length > 0) this.gets(`live${number}`, 'alice', 'event', event(number, readers));
    const data = { stream: STREAM, ...at(number), eventId: ulid(number), duplicate: false };
    this.gets(`broadcasted${number}`, 'witness', 'broadcasted', data, `b${number}`);
  }
}

function welcome(actor: Actor, scopes: readonly string[]): JsonObject {
  return {
    connectionId: ulid(ID[actor]),
    heartbeatIntervalMs: 1000,
    features: { broadcast: true, replay: {} },
    principal: { kind: 'user', id: `user:${actor}`, scopes: [...scopes] },
  };
}

function subscribed(id: string, position: number, recovery: JsonObject): JsonObject {
  return { subscriptionId: id, stream: STREAM, events: ['*'], filter: {}, position: at(position), recovery };
}

function complete(id: string, count: number): JsonObject {
  return { subscriptionId: id, position: at(id === 's1' ? 2 : 4), count, truncated: false };
}

function beat(script: Script, suffix: string): void {
  script.line(`ping${suffix}`, { actor: 'alice', connection: ID.alice, dir: '<<', kind: 'ping', text: '' });
  const positions = [{ stream: STREAM, ...at(4) }];
  script.gets(`heartbeat${suffix}`, 'alice', 'heartbeat', { delivered: 3, positions });
}

function firstHalf(script: Script): void {
  script.gets('welcome', 'alice', 'welcome', welcome('alice', [`subscribe:*@${STREAM}`]));
  script.gets('welcome-w', 'witness', 'welcome', welcome('witness', ['subscribe:*', 'publish:*']));
  script.sends('ask-all', 'witness', 'subscribe', {
    subscriptionId: 'all',
    stream: STREAM,
    events: ['*'],
    replay: { mode: 'none' },
  });
  script.gets('all', 'witness', 'subscribed', subscribed('all', 0, { attempted: false }), 'ask-all');
  script.publishes(1);
  script.publishes(2);
  const filter = { entityTypes: ['function'] };
  script.sends('ask-s1', 'alice', 'subscribe', { subscriptionId: 's1', stream: STREAM, events: ['entity_*'], filter });
  script.gets('s1', 'alice', 'subscribed', subscribed('s1', 2, { attempted: false }), 'ask-s1');
  script.gets('warm1', 'alice', 'event', event(1, ['s1'], 'warm'));
  script.gets('warm2', 'alice', 'event', event(2, ['s1'], 'warm'));
  script.gets('s1-complete', 'alice', 'replay_complete', complete('s1', 2));
  script.publishes(3);
  script.publishes(4, 's1');
  script.sends('ask-sync', 'alice', 'sync', { stream: STREAM });
  script.gets('synced', 'alice', 'synced', { stream: STREAM, position: at(4) }, 'ask-sync');
  for (const suffix of ['', '-2', '-3']) {
    script.wait(1000);
    beat(script, suffix);
  }
}

function secondHalf(script: Script): void {
  const resume = (position: JsonObject): JsonObject => ({ mode: 'resume', after: position });
  script.sends('ask-s2', 'alice', 'subscribe', {
    subscriptionId: 's2',
    stream: STREAM,
    events: ['*'],
    replay: resume(at(2)),
  });
  script.gets('s2', 'alice', 'subscribed', subscribed('s2', 4, { attempted: true, recovered: true }), 'ask-s2');
  script.gets('resumed3', 'alice', 'event', event(3, ['s2'], 'resume'));
  script.gets('resumed4', 'alice', 'event', event(4, ['s2'], 'resume'));
  script.gets('s2-complete', 'alice', 'replay_complete', complete('s2', 2));
  const lost = at(9, 'epoch-0');
  script.sends('ask-s3', 'alice', 'subscribe', {
    subscriptionId: 's3',
    stream: STREAM,
    events: ['sync_status'],
    replay: resume(lost),
  });
  const failed = { attempted: true, recovered: false, reason: 'epoch_changed' };
  script.gets('s3', 'alice', 'subscribed', subscribed('s3', 4, failed), 'ask-s3');
  script.gets('gap', 'alice', 'gap', {
    stream: STREAM,
    subscriptionIds: ['s3'],
    from: lost,
    to: at(4),
    reason: 'epoch_changed',
  });
  script.gets('warm3', 'alice', 'event', event(3, ['s3'], 'warm'));
  script.gets('s3-complete', 'alice', 'replay_complete', complete('s3', 1));
  script.sends('ask-end', 'alice', 'unsubscribe', { subscriptionId: 's1' });
  script.gets('ended', 'alice', 'unsubscribed', { subscriptionIds: ['s1'] }, 'ask-end');
  const path = `/ws/subscriptions?connection=${ulid(ID.alice)}`;
  const items = ['s2', 's3'].map((subscriptionId) => ({ subscriptionId, stream: STREAM }));
  const body = { method: 'GET', path, status: 200, body: { items } };
  script.line('listed', { actor: 'http', connection: 0, dir: '<<', kind: 'http', text: JSON.stringify(body) });
  script.line('quiet', { actor: 'runner', connection: 0, dir: '>>', kind: 'mark', text: QUIET_MARK });
  script.gets('closing', 'alice', 'closing', { code: 4200, name: 'shutdown', retryable: true });
  script.line('close', {
    actor: 'alice',
    connection: 1,
    dir: '<<',
    kind: 'close',
    text: JSON.stringify({ code: 4200, reason: '' }),
  });
}

/** The witness follows many streams, and resumes one of them. */
function followMany(script: Script): void {
  const position = { stream: STREAM, ...at(2) };
  script.sends('ask-many', 'witness', 'subscribe', {
    subscriptionId: 'many',
    streams: ['workspace:*'],
    events: ['*'],
    replay: { mode: 'resume', positions: [position] },
  });
  const recovery = { attempted: true, recovered: true };
  const reply = { subscriptionId: 'many', streams: ['workspace:*'], events: ['*'], filter: {}, recovery };
  script.gets('many', 'witness', 'subscribed', reply, 'ask-many');
  script.gets('many3', 'witness', 'event', event(3, ['many'], 'resume'));
  script.gets('many4', 'witness', 'event', event(4, ['many'], 'resume'));
  script.gets('many-at', 'witness', 'positions', {
    subscriptionId: 'many',
    positions: [{ stream: STREAM, ...at(4) }],
  });
  script.gets('many-complete', 'witness', 'replay_complete', { subscriptionId: 'many', count: 2, truncated: false });
}

export function goldenLines(): readonly Labelled[] {
  const script = new Script();
  firstHalf(script);
  followMany(script);
  secondHalf(script);
  return script.lines;
}

/** The lines as a trace, and the frame number of each label. */
export function traceOf(lines: readonly Labelled[]): {
  readonly trace: Trace;
  readonly numberOf: (label: string) => number;
} {
  const trace = new Trace({ trace: 1, startedAt: '2026-01-01T00:00:00.000Z', target: 'ws://golden/ws' }, () => 0);
  for (const { label: _label, ...frame } of lines) trace.add(frame);
  return { trace, numberOf: (label) => lines.findIndex((line) => line.label === label) + 1 };
}
