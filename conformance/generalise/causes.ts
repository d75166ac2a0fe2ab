/**
 * Reads a capture as causes and effects: each action of a client, with the messages that the action caused. A tape made
 * from them waits for the effects, never for a fixed time.
 */
import { COMMANDS } from '../../generated/protocol.ts';
import type { CommandName } from '../../generated/protocol.ts';
import { commandValidators } from '../../generated/validators.js';
import { isObject, member, numberAt, textAt, tryParse } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { Frame, Trace } from '../trace/trace.ts';

interface CauseBase {
  /** The number of the frame, which gives its place in the capture. */
  readonly at: number;
  /** The messages of the server that the action caused, in order. */
  readonly effects: Frame[];
}

interface Acted extends CauseBase {
  readonly actor: string;
}

export interface Opened extends Acted {
  readonly kind: 'opened';
}

export interface RefusedUpgrade extends Acted {
  readonly kind: 'refused';
  readonly status: number;
}

export interface Commanded extends Acted {
  readonly kind: 'command';
  readonly command: CommandName;
  readonly message: JsonObject;
}

/** A frame that is not a command of the contract: other text, or a binary frame. */
export interface Malformed extends Acted {
  readonly kind: 'malformed';
  readonly frame: Frame;
}

export interface HttpRequested extends CauseBase {
  readonly kind: 'http';
  readonly request: JsonObject;
  answer?: JsonObject;
}

/** The client ended its connection: with a close code, or without a close frame. */
export interface Dropped extends Acted {
  readonly kind: 'dropped';
  readonly code?: number;
}

/** The server closed the connection. */
export interface Closed extends Acted {
  readonly kind: 'closed';
  readonly code: number;
}

/** The server sent a message that no client caused. */
export interface Uncaused extends Acted {
  readonly kind: 'unprompted';
}

export type Cause = Opened | RefusedUpgrade | Commanded | Malformed | HttpRequested | Dropped | Closed | Uncaused;

export interface CaptureCauses {
  readonly causes: readonly Cause[];
  /** Live events. Their causes are determined later. */
  readonly live: readonly Frame[];
  /** How many frames were left out, by kind of frame or type of message. */
  readonly leftOut: ReadonlyMap<string, number>;
  /** `features.replay` of the first `welcome`. */
  readonly policies: JsonObject;
}

function objectAt(value: Json | undefined, key: string): JsonObject {
  const found = member(value, key);
  return isObject(found) ? found : {};
}

function commandOf(message: Json | undefined): CommandName | undefined {
  const type = textAt(message, 'type') ?? '';
  if (!Object.hasOwn(COMMANDS, type)) return undefined;
  const name = type as CommandName;
  return commandValidators[name](message) ? name : undefined;
}

/** The state of one connection while the capture is read. */
class ConnectionState {
  readonly actor: string;
  /** Commands by their id, and by the id of the subscription that they created. */
  readonly #byId = new Map<string, Cause>();
  readonly #bySubscription = new Map<string, Cause>();
  /** Messages that were sent without an id and have no reply yet. */
  readonly #unanswered: Cause[] = [];
  #opened: Cause | undefined;
  #authenticated: Cause | undefined;
  #ended = false;

  constructor(actor: string) {
    this.actor = actor;
  }

  takeClient(frame: Frame): Cause | undefined {
    const { actor } = this;
    const base = { at: frame.n, effects: [], actor };
    if (frame.kind === 'close') return this.#drop(frame);
    if (frame.kind !== 'text' && frame.kind !== 'binary') return undefined;
    const command = commandOf(frame.json);
    const cause: Cause =
      command !== undefined && isObject(frame.json)
        ? { ...base, kind: 'command', command, message: frame.json }
        : { ...base, kind: 'malformed', frame };
    const id = textAt(frame.json, 'id');
    if (id === undefined) this.#unanswered.push(cause);
    else this.#byId.set(id, cause);
    if (command === 'authenticate') this.#authenticated = cause;
    return cause;
  }

  #drop(frame: Frame): Cause {
    this.#ended = true;
    const code = numberAt(frame.json, 'code') ?? 1006;
    const base: Dropped = { kind: 'dropped', at: frame.n, effects: [], actor: this.actor };
    // These two codes stand for a missing code or close frame, and are never sent.
    return code === 1005 || code === 1006 ? base : { ...base, code };
  }

  open(frame: Frame): Cause {
    this.#opened = { kind: 'opened', at: frame.n, effects: [], actor: this.actor };
    return this.#opened;
  }

  /** The cause of a message; undefined when the capture has none. */
  causeOf(message: Json | undefined): Cause | undefined {
    const type = textAt(message, 'type');
    const data = objectAt(message, 'data');
    if (type === 'welcome') return this.#opened;
    if (type === 'subscription_closed') return this.#authenticated;
    if (type === 'event' || type === 'gap') {
      const [first] = Array.isArray(data['subscriptionIds']) ? (data['subscriptionIds'] as readonly Json[]) : [];
      return typeof first === 'string' ? this.#bySubscription.get(first) : undefined;
    }
    if (type === 'replay_complete') return this.#bySubscription.get(textAt(data, 'subscriptionId') ?? '');
    const cause = this.#answered(message);
    if (type === 'subscribed' && cause !== undefined)
      this.#bySubscription.set(textAt(data, 'subscriptionId') ?? '', cause);
    return cause;
  }

  #answered(message: Json | undefined): Cause | undefined {
    const id = textAt(message, 'id');
    if (id !== undefined) return this.#byId.get(id);
    const type = textAt(message, 'type');
    const index = this.#unanswered.findIndex(
      (each) => type === 'error' || (each.kind === 'command' && COMMANDS[each.command].reply === type),
    );
    return index < 0 ? undefined : this.#unanswered.splice(index, 1)[0];
  }

  close(frame: Frame): Cause | undefined {
    if (this.#ended) return undefined;
    this.#ended = true;
    const code = numberAt(frame.json, 'code') ?? 1006;
    return { kind: 'closed', at: frame.n, effects: [], actor: this.actor, code };
  }
}

class Reader {
  readonly causes: Cause[] = [];
  readonly live: Frame[] = [];
  readonly leftOut = new Map<string, number>();
  policies: JsonObject = {};
  readonly #lines = new Map<number, ConnectionState>();
  /** HTTP requests that have no response yet. */
  readonly #asked: HttpRequested[] = [];

  take(frame: Frame): void {
    if (frame.kind === 'http') return this.#http(frame);
    const line = this.#lines.get(frame.connection) ?? new ConnectionState(frame.actor);
    this.#lines.set(frame.connection, line);
    const cause = frame.dir === '>>' ? line.takeClient(frame) : this.#fromServer(frame, line);
    if (cause !== undefined) this.causes.push(cause);
    else if (frame.kind === 'ping' || frame.kind === 'pong' || frame.kind === 'mark') this.#leaveOut(frame.kind);
  }

  #leaveOut(what: string): void {
    this.leftOut.set(what, (this.leftOut.get(what) ?? 0) + 1);
  }

  #fromServer(frame: Frame, line: ConnectionState): Cause | undefined {
    if (frame.kind === 'open') return line.open(frame);
    if (frame.kind === 'close') return line.close(frame);
    if (frame.kind === 'refused')
      return {
        kind: 'refused',
        at: frame.n,
        effects: [],
        actor: frame.actor,
        status: numberAt(frame.json, 'status') ?? 0,
      };
    return frame.kind === 'text' ? this.#message(frame, line) : undefined;
  }

  #message(frame: Frame, line: ConnectionState): Cause | undefined {
    const { json } = frame;
    const type = textAt(json, 'type');
    const data = objectAt(json, 'data');
    if (type === 'heartbeat') {
      this.#leaveOut('heartbeat');
      return undefined;
    }
    if (type === 'welcome' && Object.keys(this.policies).length === 0)
      this.policies = objectAt(objectAt(data, 'features'), 'replay');
    if (type === 'event' && data['isReplay'] === false) {
      this.live.push(frame);
      return undefined;
    }
    const cause = line.causeOf(json);
    if (cause === undefined) return { kind: 'unprompted', at: frame.n, effects: [frame], actor: frame.actor };
    cause.effects.push(frame);
    return undefined;
  }

  #http(frame: Frame): void {
    const content = isObject(frame.json) ? frame.json : {};
    if (frame.dir === '>>') {
      const asked: HttpRequested = { kind: 'http', at: frame.n, effects: [], request: content };
      this.causes.push(asked);
      this.#asked.push(asked);
      return;
    }
    const index = this.#asked.findIndex(
      ({ request }) => request['method'] === content['method'] && request['path'] === content['path'],
    );
    const [asked] = index < 0 ? [] : this.#asked.splice(index, 1);
    if (asked !== undefined) asked.answer = content;
  }
}

export function causesOf(trace: Trace): CaptureCauses {
  const reader = new Reader();
  for (const frame of trace.frames) reader.take(frame);
  const { causes, live, leftOut, policies } = reader;
  return { causes, live, leftOut, policies };
}

/** The body of an HTTP request or response, parsed; undefined if there is no body, or if it is not JSON. */
export function bodyOf(answer: JsonObject | undefined): Json | undefined {
  const body = member(answer, 'body');
  return typeof body === 'string' ? tryParse(body) : body;
}
