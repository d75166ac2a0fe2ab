/** Reads and checks the parts of steps. */
import { asText, isArray, isObject } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { EventStreamSpec, HttpRequest, RawFrame, StimEvent, Within } from './tape.ts';

/** Reads the values of one line. An invalid value causes an error with the line number. */
export interface Reader {
  readonly line: number;
  readonly fail: (text: string) => never;
  readonly text: (value: Json | undefined, what: string) => string;
  readonly name: (value: Json | undefined, what: string) => string;
  readonly whole: (value: Json | undefined, what: string) => number;
  readonly list: (value: Json | undefined, message: string) => readonly Json[];
  readonly oneOf: <T extends string>(value: Json | undefined, what: string, options: readonly T[]) => T;
  readonly object: (value: Json | undefined, what: string, keys?: readonly string[]) => JsonObject;
}

export function readTexts(value: Json, what: string, reader: Reader): Readonly<Record<string, string>> {
  const entries = Object.entries(reader.object(value, what));
  return Object.fromEntries(entries.map(([key, each]) => [key, reader.text(each, `${what}.${key}`)]));
}

export function readWithin(value: Json, reader: Reader): Within {
  if (isObject(value)) {
    const { heartbeats } = reader.object(value, '"within"', ['heartbeats']);
    if (typeof heartbeats !== 'number' || heartbeats <= 0) reader.fail('"heartbeats" must be a number above 0.');
    return { heartbeats };
  }
  return reader.whole(value, '"within", in milliseconds,');
}

export function readFrame(value: Json, reader: Reader): RawFrame {
  const { opcode, text, hex, times, fin } = reader.object(value, '"sendFrame"', [
    'opcode',
    'text',
    'hex',
    'times',
    'fin',
  ]);
  if (text !== undefined && hex !== undefined) reader.fail('A frame must not have both "text" and "hex".');
  if (hex !== undefined && !/^(?:[0-9a-f]{2})*$/.test(reader.text(hex, '"hex"')))
    reader.fail('"hex" must be pairs of lower-case hexadecimal digits.');
  if (fin !== undefined && typeof fin !== 'boolean') reader.fail('"fin" must be true or false.');
  return {
    opcode: reader.oneOf(opcode, '"opcode"', ['text', 'binary', 'ping', 'pong'] as const),
    ...(text === undefined ? {} : { text: typeof text === 'string' ? text : reader.fail('"text" must be a string.') }),
    ...(hex === undefined ? {} : { hex: asText(hex) }),
    ...(times === undefined ? {} : { times: reader.whole(times, '"times"') }),
    ...(fin === undefined ? {} : { fin }),
  };
}

export function readHttp(value: Json, reader: Reader): HttpRequest {
  const allowed = ['method', 'path', 'headers', 'query', 'body', 'credential'];
  const { method, path, headers, query, body, credential } = reader.object(value, '"http"', allowed);
  return {
    method: reader.text(method, '"method"'),
    path: reader.text(path, '"path"'),
    ...(headers === undefined ? {} : { headers: readTexts(headers, '"headers"', reader) }),
    ...(query === undefined ? {} : { query: reader.object(query, '"query"') }),
    ...(body === undefined ? {} : { body }),
    ...(credential === undefined ? {} : { credential: reader.name(credential, '"credential"') }),
  };
}

export function readEventStream(value: Json, reader: Reader): EventStreamSpec {
  const { query = {}, lastEventId } = reader.object(value, '"events"', ['query', 'lastEventId']);
  return { query: reader.object(query, '"query"'), ...(lastEventId === undefined ? {} : { lastEventId }) };
}

export function readStim(value: Json, reader: Reader): readonly StimEvent[] {
  const list = isArray(value) ? value : [value];
  if (list.length === 0) reader.fail('"stim" must be an event, or a non-empty list of events.');
  return list.map((each) => {
    const { stream, event, payload, source } = reader.object(each, 'An event of "stim"', [
      'stream',
      'event',
      'payload',
      'source',
    ]);
    return {
      event: reader.text(event, '"event"'),
      payload: reader.object(payload, '"payload"'),
      ...(stream === undefined ? {} : { stream: reader.text(stream, '"stream"') }),
      ...(source === undefined ? {} : { source: reader.text(source, '"source"') }),
    };
  });
}
