/** Reads a tape or a recorded trace, to find the events that a mock publishes. */
import type { OpenObject } from '../../generated/types.ts';
import type { ExampleEvent } from './examples.ts';

/** Thrown if a file is neither a tape nor a trace, or has no usable content. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
}

type Line = OpenObject;

export function isObject(value: unknown): value is OpenObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function eventOf(data: unknown): readonly ExampleEvent[] {
  if (!isObject(data)) return [];
  const { event, payload, stream } = data;
  if (typeof event !== 'string' || !isObject(payload)) return [];
  return [{ event, payload, ...(typeof stream === 'string' && stream !== 'main' ? { stream } : {}) }];
}

/** The events in a step of a tape. Either the suite causes the server to publish them, or a client publishes them. */
function ofStep(step: Line): readonly ExampleEvent[] {
  const { stim, send, par } = step;
  if (Array.isArray(stim)) return stim.flatMap(eventOf);
  if (Array.isArray(par)) return par.flat().flatMap((each) => (isObject(each) ? ofStep(each) : []));
  return isObject(send) && send['type'] === 'broadcast' ? eventOf(send['data']) : [];
}

/** The event in a frame of a trace, if a client received it live. Events that another client has already received are skipped. */
function ofFrame(line: Line, seen: Set<unknown>): readonly ExampleEvent[] {
  if (line['dir'] !== '<<' || typeof line['text'] !== 'string') return [];
  let message: unknown;
  try {
    message = JSON.parse(line['text']);
  } catch {
    return [];
  }
  const data = isObject(message) && message['type'] === 'event' ? message['data'] : undefined;
  if (!isObject(data) || data['isReplay'] === true || seen.has(data['eventId'])) return [];
  seen.add(data['eventId']);
  return eventOf(data);
}

/** The objects of an NDJSON file, one for each line. @throws {ScriptError} if a line is not a JSON object; names the line */
export function readLines(text: string, file: string): readonly Line[] {
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), where: `${file}:${index + 1}` }));
  return lines.filter(({ line }) => line !== '').map(({ line, where }) => parse(line, where));
}

/** Reads the events of a tape or a trace. @throws {ScriptError} if the text is neither, or has no event; names the file and the line */
export function readScript(text: string, file: string): readonly ExampleEvent[] {
  const [head, ...rest] = readLines(text, file);
  const isTape = head?.['tape'] !== undefined;
  if (!isTape && head?.['trace'] === undefined)
    throw new ScriptError(`${file}:1: a tape begins with {"tape":1,…}, and a trace with {"trace":1,…}.`);
  const seen = new Set<unknown>();
  // In a tape, ${nonce} stands for a name that is unique to each run.
  const events = rest.flatMap((line) => (isTape ? ofStep(line) : ofFrame(line, seen)));
  if (events.length === 0) throw new ScriptError(`${file}: the file has no event to publish.`);
  return JSON.parse(JSON.stringify(events).replaceAll('${nonce}', 'mock')) as readonly ExampleEvent[];
}

function parse(line: string, where: string): Line {
  try {
    const value: unknown = JSON.parse(line);
    if (isObject(value)) return value;
  } catch {
    // The error is thrown below.
  }
  throw new ScriptError(`${where}: each line must be one JSON object.`);
}
