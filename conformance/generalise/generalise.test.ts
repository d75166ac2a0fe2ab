import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../trace/json.ts';
import { Trace } from '../trace/trace.ts';
import type { FrameKind } from '../trace/trace.ts';
import { generalise } from './generalise.ts';

const EPOCH = 'life-1';
const WORDS = { id: 'recorded/small', clauses: ['RPL-2'], why: 'It holds.' };

/** Builds a capture. */
class Capture {
  readonly trace = new Trace({ trace: 1, startedAt: '', target: '' }, () => 0);

  line(actor: string, dir: '>>' | '<<', kind: FrameKind, value: Json): this {
    const connection = Number(actor.slice(-1));
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    this.trace.add({ actor, connection, dir, kind, text });
    return this;
  }

  opens(actor: string): this {
    return this.line(actor, '<<', 'open', { protocol: 'tidemark.v1' });
  }

  sends(actor: string, type: string, data: JsonObject, id = 'c1'): this {
    return this.line(actor, '>>', 'text', { type, id, data });
  }

  receives(actor: string, type: string, data: JsonObject, id?: string): this {
    return this.line(actor, '<<', 'text', { type, ...(id === undefined ? {} : { id }), data });
  }

  subscribes(actor: string, replay: JsonObject, position: number, recovery: JsonObject = { attempted: false }): this {
    this.sends(actor, 'subscribe', { subscriptionId: 's1', events: ['*'], replay });
    const more = { stream: 'main', events: ['*'], filter: { paths: ['b', 'a'] }, recovery };
    return this.receives(actor, 'subscribed', { subscriptionId: 's1', position: at(position), ...more }, 'c1');
  }

  event(actor: string, number: number, replayReason?: 'warm' | 'resume'): this {
    return this.receives(actor, 'event', {
      subscriptionIds: ['s1'],
      isReplay: replayReason !== undefined,
      ...(replayReason === undefined ? {} : { replayReason }),
      stream: 'main',
      ...at(number),
      eventId: `0000000000000000000000000${number}`,
      event: 'team.note',
      emittedAt: '2026-01-01T00:00:00.000Z',
      source: { name: 'x', principal: 'user:x' },
      payload: { number },
    });
  }

  get lines(): readonly string[] {
    return generalise(this.trace, WORDS).text.trim().split('\n').slice(1);
  }
}

function at(sequenceId: number): JsonObject {
  return { epoch: EPOCH, sequenceId };
}

/** A short description of a step: its verb and its message type or event. */
function short(line: string): string {
  const step = JSON.parse(line) as Readonly<Record<string, JsonObject>>;
  const { as = '', send, recv, stim, par } = step;
  if (par !== undefined) return 'par';
  if (stim !== undefined)
    return `stim ${(stim as unknown as readonly { payload: { number: number } }[]).map(({ payload }) => payload.number).join(' ')}`;
  const [verb = ''] = Object.keys(step).filter((key) => key !== 'as');
  const type = (send ?? recv)?.['type'];
  return `${JSON.stringify(as).replaceAll('"', '')} ${verb}${typeof type === 'string' ? ` ${type}` : ''}`;
}

describe('a tape from a capture', () => {
  test('publishes an event before a subscription that replays it, and after the reply to a subscription that receives it live', () => {
    const { lines } = new Capture()
      .opens('client1')
      .subscribes('client1', { mode: 'warm' }, 2)
      .event('client1', 1, 'warm')
      .receives('client1', 'replay_complete', { subscriptionId: 's1', position: at(2), count: 1, truncated: false })
      .event('client1', 3)
      .event('client1', 4);
    expect(lines.map(short)).toEqual([
      'client1 open',
      'stim 1',
      'client1 send subscribe',
      'client1 recv subscribed',
      'client1 recv event',
      'client1 recv replay_complete',
      'stim 3 4',
      'client1 recv event',
      'client1 recv event',
    ]);
  });

  test('publishes an event before a subscription whose position includes it, even if another client received it later', () => {
    const { lines } = new Capture()
      .opens('client1')
      .subscribes('client1', { mode: 'none' }, 0)
      .opens('client2')
      .subscribes('client2', { mode: 'none' }, 1)
      .event('client1', 1);
    expect(lines.map(short).slice(3)).toEqual([
      'client2 open',
      'stim 1',
      'client1 recv event',
      'client2 send subscribe',
      'client2 recv subscribed',
    ]);
  });

  test('keeps values from clients, refers to values from the server, and leaves out settings of this server', () => {
    const capture = new Capture().opens('client1').subscribes('client1', { mode: 'none' }, 0).event('client1', 1);
    capture
      .sends('client1', 'sync', { stream: 'main' }, 'c2')
      .receives('client1', 'synced', { stream: 'main', position: at(1) }, 'c2');
    const steps = capture.lines.map((line) => JSON.parse(line) as Json);
    expect(steps[1]).toEqual({
      as: 'client1',
      send: { type: 'subscribe', id: 'c1', data: { subscriptionId: 's1', events: ['*'], replay: { mode: 'none' } } },
    });
    expect(steps[2]).toMatchObject({
      recv: {
        id: 'c1',
        data: {
          subscriptionId: 's1',
          stream: 'workspace:${nonce}',
          position: { epoch: { $bind: ['id1', { $type: 'string' }] }, sequenceId: { $type: 'integer' } },
          filter: { paths: { $unordered: ['b', 'a'] } },
        },
      },
    });
    const data = (steps[4] as { readonly recv: { readonly data: JsonObject } }).recv.data;
    expect(data).toMatchObject({
      epoch: { $ref: 'id1' },
      sequenceId: { $ref: 'made1/sequenceId' },
      payload: { number: 1 },
    });
    expect(Object.keys(data)).not.toContain('source');
    expect(steps[6]).toMatchObject({ recv: { data: { position: { sequenceId: { $ref: 'made1/sequenceId' } } } } });
  });

  test('accepts a reply and the event that it published in either order', () => {
    const place = { stream: 'main', ...at(1), eventId: '00000000000000000000000001', duplicate: false };
    const { lines } = new Capture()
      .opens('client1')
      .subscribes('client1', { mode: 'none' }, 0)
      .sends('client1', 'broadcast', { stream: 'main', event: 'team.note', payload: { number: 1 } }, 'c2')
      .event('client1', 1)
      .receives('client1', 'broadcasted', place, 'c2');
    expect(lines.map(short).slice(3)).toEqual(['client1 send broadcast', 'par']);
    // A branch does not refer to names that are bound in the other branch.
    expect(lines.at(-1)).not.toContain('"$ref":"n');
  });

  test('cannot be made if the capture starts after the clients connected', () => {
    const capture = new Capture()
      .opens('client1')
      .subscribes('client1', { mode: 'none' }, 9)
      .opens('client2')
      .subscribes('client2', { mode: 'resume', after: at(5) }, 9, { attempted: true, recovered: true });
    expect(() => capture.lines).toThrow('Frame 5 resumes after a position that does not occur in the capture');
    expect(() => new Capture().lines).toThrow('No client connects in this capture');
  });

  test('reports the messages that it leaves out, and those that no client caused', () => {
    const capture = new Capture()
      .opens('client1')
      .receives('client1', 'heartbeat', { delivered: 0, positions: [] })
      .line('client1', '<<', 'ping', '')
      .receives('client1', 'closing', { code: 4200, name: 'shutdown', retryable: true })
      .line('client1', '<<', 'close', { code: 4200, reason: '' });
    const { notes, text } = generalise(capture.trace, WORDS);
    expect(notes).toEqual([
      'left out: 1 × heartbeat',
      'left out: 1 × ping',
      'frame 4: no client caused this message; check whether it belongs in the tape',
      'frame 5: no client caused this message; check whether it belongs in the tape',
    ]);
    expect(text).toContain('{"as":"client1","closed":{"code":4200}}');
  });
});
