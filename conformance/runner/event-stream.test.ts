import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { exampleOf } from '../invariants/contract.ts';
import { sendJson, serveFailing } from '../testing/failing-server.ts';
import { judgeTape } from '../testing/single-tape.ts';
import { parseTape } from '../tape/parse.ts';
import type { Tape } from '../tape/tape.ts';
import type { JsonObject } from '../trace/json.ts';

const WELCOME = exampleOf('welcome');
const OWN = 'session:own';
const OTHER = 'session:other';

interface Message {
  readonly type: string;
  readonly data: JsonObject;
  readonly token?: string;
}

const placeOf = (text: string): { readonly epoch: string; readonly sequenceId: number } => {
  const [epoch = '', sequenceId = ''] = text.split(' ');
  return { epoch, sequenceId: Number(sequenceId) };
};

const subscribed = (recovery: JsonObject): Message => {
  const data = { subscriptionId: 'sse', streams: ['session:*'], events: ['*'], filter: {}, recovery };
  return { type: 'subscribed', data };
};

const positions = (...places: readonly (readonly [string, string])[]): JsonObject[] =>
  places.map(([stream, place]) => ({ stream, ...placeOf(place) }));

const event = (stream: string, place: string, isReplay: boolean): Message => {
  const replay = isReplay ? { isReplay, replayReason: 'resume' } : { isReplay };
  const rest = { eventId: `${stream} ${place}`, event: 'note', emittedAt: '2026-01-01T00:00:00.000Z', payload: {} };
  return { type: 'event', data: { subscriptionIds: ['sse'], ...replay, stream, ...placeOf(place), ...rest } };
};

const lost = (reason: string, from: string, to: string): Message => {
  const ends = { from: placeOf(from), to: placeOf(to) };
  return { type: 'gap', data: { stream: OWN, subscriptionIds: ['sse'], ...ends, reason } };
};

function write(response: ServerResponse, messages: readonly Message[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const { token, ...message } of [{ type: 'welcome', data: {} }, ...messages] as readonly Message[])
    response.write(`${token === undefined ? '' : `id: ${token}\n`}data: ${JSON.stringify(message)}\n\n`);
}

const header = {
  ...{ tape: 1, id: 'get_events/loss', clauses: ['SSE-5'], level: 'must', needs: ['http'] },
  ...{ why: 'A resume continues.', actors: { alice: {}, bob: {} } },
};

function tapeFor(query: JsonObject): Tape {
  const steps = [
    { as: 'alice', open: { events: { query: { ...query, replay: 'none' } } } },
    { as: 'alice', recv: { data: {} }, fields: { id: { $bind: 'here' } } },
    { as: 'alice', drop: {} },
    { as: 'bob', open: { events: { query, lastEventId: { $ref: 'here' } } } },
    { as: 'bob', recv: { type: 'replay_complete' } },
  ];
  return parseTape([header, ...steps].map((line) => JSON.stringify(line)).join('\n'), 'loss.ndjson');
}

/**
 * Runs a tape in which a client receives messages, reconnects with the `id` of a later message, and receives other messages. Returns the
 * checks that fail.
 */
async function checksFailedBy(
  query: JsonObject,
  { first, resumed }: { readonly first: readonly Message[]; readonly resumed: readonly Message[] },
): Promise<readonly string[]> {
  const answer = ({ url, headers }: IncomingMessage, response: ServerResponse): void => {
    if (url?.startsWith('/ws/events') !== true) response.writeHead(200).end('{}');
    else write(response, headers['last-event-id'] === undefined ? first : resumed);
  };
  const server = await serveFailing({ onOpen: (socket) => sendJson(socket, WELCOME), onRequest: answer });
  try {
    const { run, check } = await judgeTape(server.url, { tape: tapeFor(query), control: {}, timeScale: 1 });
    expect(check).toMatchObject({ verdict: 'PASS' });
    return run.checks.filter(({ verdict }) => verdict === 'FAIL').map(({ id }) => id);
  } finally {
    await server.stop();
  }
}

/** Runs a tape in which a client follows many streams, loses events, and resumes. Returns the checks that fail. */
async function failuresOf(
  later: readonly Message[],
  resumed: readonly Message[],
  events = '*',
): Promise<readonly string[]> {
  const none = { type: 'positions', data: { subscriptionId: 'sse', positions: [] } };
  const first = [subscribed({ attempted: false }), none, ...later];
  const complete = {
    type: 'replay_complete',
    data: { subscriptionId: 'sse', count: resumed.length, truncated: false },
  };
  const second = [subscribed({ attempted: true, recovered: true }), ...resumed, complete];
  return checksFailedBy({ streams: ['session:*'], events: [events] }, { first, resumed: second });
}

const delivered = event(OWN, 'old 1', false);
const heartbeat = (place: string): Message => ({
  type: 'heartbeat',
  data: { delivered: 1, positions: positions([OWN, place]) },
  token: 'here',
});
const elsewhere: Message = { ...event(OTHER, 'old 1', false), token: 'here' };

describe('a resume of many streams after the id of a message that follows a gap', () => {
  test.each<[string, readonly Message[], string]>([
    ['an event of another stream', [delivered, lost('epoch_changed', 'old 1', 'new 4'), elsewhere], 'new'],
    ['a heartbeat', [delivered, lost('epoch_changed', 'old 1', 'new 4'), heartbeat('new 4')], 'new'],
    [
      'an event of another stream, in the same epoch',
      [delivered, lost('broker_lost', 'old 1', 'old 4'), elsewhere],
      'old',
    ],
    [
      'an event of another stream, after a gap for events that were already received',
      [event(OWN, 'old 4', false), lost('broker_lost', 'old 1', 'old 2'), elsewhere],
      'old',
    ],
  ])('continues after the gap: %s', async (_what, later, epoch) => {
    expect(await failuresOf(later, [event(OWN, `${epoch} 5`, true)])).not.toContain('invariants/many-streams');
    expect(await failuresOf(later, [event(OWN, `${epoch} 6`, true)])).toContain('invariants/many-streams');
  });
});

test('a resume of many streams may begin at the first event of a stream whose position was unknown after a gap', async () => {
  const later = [delivered, lost('broker_lost', 'old 1', 'unknown 0'), elsewhere];
  expect(await failuresOf(later, [event(OWN, 'new 1', true)])).not.toContain('invariants/many-streams');
  expect(await failuresOf(later, [event(OWN, 'new 2', true)])).toContain('invariants/many-streams');
});

test('a resume of many streams after the id of a heartbeat continues after the positions in the heartbeat', async () => {
  const later = [delivered, heartbeat('old 5')];
  expect(await failuresOf(later, [event(OWN, 'old 6', true)], 'note')).not.toContain('invariants/many-streams');
  expect(await failuresOf(later, [event(OWN, 'old 4', true)], 'note')).toContain('invariants/many-streams');
});

test('a failed resume of one stream, after a gap with an unknown end, may be reported by a gap from an earlier position', async () => {
  const at = (place: string, recovery: JsonObject): Message => ({
    type: 'subscribed',
    data: { subscriptionId: 'sse', stream: OWN, events: ['*'], filter: {}, position: placeOf(place), recovery },
  });
  const failed = { attempted: true, recovered: false, reason: 'epoch_changed' };
  const complete = {
    type: 'replay_complete',
    data: { subscriptionId: 'sse', position: placeOf('new 4'), count: 0, truncated: false },
  };
  const first = [at('old 1', { attempted: false }), { ...lost('broker_lost', 'old 1', 'unknown 0'), token: 'here' }];
  const resumed = [at('new 4', failed), lost('epoch_changed', 'old 1', 'new 4'), complete];
  expect(await checksFailedBy({ stream: OWN, events: ['*'] }, { first, resumed })).not.toContain(
    'invariants/gap-reported',
  );
});
