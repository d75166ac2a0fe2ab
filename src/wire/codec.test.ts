import * as fc from 'fast-check';
import type { Writable } from 'node:stream';
import * as ws from 'ws';
import { describe, expect, test } from 'vitest';
import { COMMANDS, PUSHES } from '../../generated/protocol.ts';
import { commandValidators } from '../../generated/validators.js';
import { recordFromDraft } from '../broker/event-encoding.ts';
import { decodeCommand, eventPrefix } from './codec.ts';
import { encodeEvent } from './framing.ts';
import { WEBSOCKET_FRAMING as framing, encodeFrame } from './websocket-framing.ts';

/** `ws` exports this class, but its types do not declare it. */
const { Receiver } = ws as unknown as {
  readonly Receiver: new (options: {
    readonly isServer: boolean;
    readonly allowSynchronousEvents: boolean;
  }) => Writable;
};

/** Reads frames with the receiver of `ws`, which is independent of the code that wrote them. */
function texts(bytes: Buffer): readonly string[] {
  const read: string[] = [];
  const receiver = new Receiver({ isServer: false, allowSynchronousEvents: true });
  receiver.on('message', (data: Buffer, isBinary: boolean) => read.push(isBinary ? 'binary' : data.toString('utf8')));
  receiver.on('error', (error: Error) => read.push(`error ${error.message}`));
  receiver.write(bytes);
  return read;
}

const record = (payload: Record<string, unknown>, sequenceId = 1) =>
  recordFromDraft(
    { stream: 'main', epoch: 'e1', sequenceId, eventId: '01J00000000000000000000000', event: 'x', emittedAtMs: 0 },
    { source: { name: 'test', principal: 'service:test' }, payload },
  );

describe('a frame', () => {
  test.each([0, 1, 125, 126, 127, 65535, 65536, 70000])('is read back unchanged with %i bytes', (length) => {
    const text = 'x'.repeat(length);
    expect(texts(encodeFrame(text))).toEqual([text]);
  });

  test('is read back unchanged with any text, also after another frame', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme', maxLength: 200 }), (first, second) => {
        expect(texts(Buffer.concat([encodeFrame(first), encodeFrame(second)]))).toEqual([first, second]);
      }),
    );
  });
});

describe('the frame of an event', () => {
  const ids = fc.array(fc.string({ unit: fc.constantFrom('a', '-', '"', '\\', ' '), minLength: 1, maxLength: 8 }), {
    minLength: 1,
    maxLength: 3,
  });

  test('contains its prefix and its body, and has exactly the computed size', () => {
    const payload = fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.jsonValue(), { maxKeys: 4 });
    fc.assert(
      fc.property(ids, payload, fc.constantFrom(undefined, 'warm' as const, 'resume' as const), (to, value, reason) => {
        fc.pre(!Object.keys(value).includes('__proto__'));
        const event = record(value, 7);
        const prefix = eventPrefix(to, reason);
        const frame = encodeEvent(framing, prefix, event);
        expect(frame).toHaveLength(framing.eventBytes(prefix, event));
        expect(texts(frame).map((text) => JSON.parse(text) as unknown)).toEqual([
          {
            type: 'event',
            data: {
              subscriptionIds: to,
              isReplay: reason !== undefined,
              ...(reason === undefined ? {} : { replayReason: reason }),
              stream: 'main',
              epoch: 'e1',
              sequenceId: 7,
              eventId: '01J00000000000000000000000',
              event: 'x',
              emittedAt: '1970-01-01T00:00:00.000Z',
              source: { name: 'test', principal: 'service:test' },
              payload: JSON.parse(JSON.stringify(value)) as unknown,
            },
          },
        ]);
      }),
    );
  });

  test('follows another frame in one buffer without a gap, with every size of header', () => {
    const prefix = eventPrefix(['s1']);
    const events = [1, 300, 70_000].map((size) => record({ text: 'é'.repeat(size) }));
    const bytes = events.reduce((sum, each) => sum + framing.eventBytes(prefix, each), 0);
    const buffer = Buffer.alloc(bytes);
    const end = events.reduce((offset, each) => framing.writeEvent(buffer, offset, { prefix, record: each }), 0);
    expect(end).toBe(bytes);
    expect(buffer.equals(Buffer.concat(events.map((each) => encodeEvent(framing, prefix, each))))).toBe(true);
    expect(texts(buffer).map((text) => text.length)).toHaveLength(3);
  });

  test('cannot be turned into a control message by its content (ENV-2)', () => {
    const evil = '"}},{"type":"closing","data":{"x":"';
    const [text = ''] = texts(encodeEvent(framing, eventPrefix(['s1']), record({ [evil]: evil })));
    expect(JSON.parse(text)).toMatchObject({ type: 'event', data: { payload: { [evil]: evil } } });
  });
});

/** The id that a reply must repeat, found with `JSON.parse`. */
function idIn(text: string): string | undefined {
  const value = JSON.parse(text) as { readonly id?: unknown } | null;
  return typeof value?.id === 'string' && /^[\x20-\x7E]{1,64}$/.test(value.id) ? value.id : undefined;
}

describe('decoding a command', () => {
  const decode = (text: string): ReturnType<typeof decodeCommand> =>
    decodeCommand(text, commandValidators, { jsonDepth: 8 });

  test('never throws, and keeps the id of an invalid command if it can be read (ENV-3)', () => {
    const message = fc.record(
      {
        type: fc.oneof(
          fc.constantFrom(...Object.keys(COMMANDS), ...PUSHES, '__proto__', 'constructor'),
          fc.jsonValue(),
        ),
        id: fc.oneof(fc.string({ minLength: 1, maxLength: 64, unit: 'grapheme-ascii' }), fc.jsonValue()),
        data: fc.oneof(fc.constant({}), fc.jsonValue()),
        extra: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          message.map((each) => JSON.stringify(each)),
          fc.json(),
          fc.string(),
        ),
        (text) => {
          const decoded = decode(text);
          const unreadable = 'error' in decoded && decoded.error.code === 'invalid_json';
          expect(decoded.id).toBe(unreadable ? undefined : idIn(text));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['{"type":"subscribe","id":"1","data":{"events":["a"],"extra":1}}', 'invalid_message', '/data/extra'],
    ['{"type":"subscribe","id":"1","data":{"events":["a"],"a/b~c":1}}', 'invalid_message', '/data/a~1b~0c'],
    ['{"type":"subscribe","id":"1","data":{}}', 'invalid_message', '/data/events'],
    ['{"type":"subscribe","id":"1","data":{"events":["a"],"stream":7}}', 'stream_invalid', '/data/stream'],
    ['{"type":"sync","id":"1","data":{"stream":"nope"}}', 'stream_invalid', '/data/stream'],
    ['{"type":"event","id":"1","data":{}}', 'unknown_type', '/type'],
    ['{"type":"__proto__","id":"1","data":{}}', 'unknown_type', '/type'],
    ['{"type":7,"id":"1"}', 'invalid_message', '/type'],
    ['[]', 'invalid_message', ''],
  ])('%s gets the error %s at %j (ENV-4)', (text, code, pointer) => {
    expect(decode(text)).toMatchObject({ error: { code, pointer } });
  });

  test.each([
    ['{"type":"ping","id":"x","data":{}}', 'x'],
    ['{"type":"ping","data":{}}', undefined],
    [`{"type":"ping","id":"${'x'.repeat(64)}","data":{}}`, 'x'.repeat(64)],
  ])('%s is accepted', (text, id) => {
    expect(decode(text)).toEqual({ id, command: JSON.parse(text) as unknown });
  });
});
