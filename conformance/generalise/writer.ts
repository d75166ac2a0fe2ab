/** Writes the steps of a tape: each cause, then all its effects. */
import { isArray, isObject, member, textAt } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { Frame } from '../trace/trace.ts';
import { isBroadcast, isOwnReply } from './emissions.ts';
import type { TapeAction, Emitted } from './emissions.ts';
import { keyOf } from './names.ts';
import type { Names } from './names.ts';
import { bodyOf } from './causes.ts';
import type { HttpRequested, Commanded, Malformed } from './causes.ts';
import { narrowed, replaceVolatile } from './volatile.ts';
import type { Replace } from './volatile.ts';

/** Thrown if the capture is incomplete. */
export class GeneraliseError extends Error {
  override readonly name = 'GeneraliseError';
}

/** Gives a stream a name that is unique to the run, so that it contains no events of other clients. */
function ownStream(stream: string): string {
  if (stream === 'main') return 'workspace:${nonce}';
  const colon = stream.indexOf(':');
  return `${stream.slice(0, colon)}:\${nonce}-${stream.slice(colon + 1)}`;
}

/**
 * Keys of messages whose values clients choose, such as `stream`, each with the function that makes its value unique to
 * the run. The ids of sessions are included because they are part of stream names.
 */
const OWN: Readonly<Record<string, (name: string) => string>> = {
  stream: ownStream,
  sessionId: (name) => `\${nonce}-${name}`,
  sessionIds: (name) => `\${nonce}-${name}`,
  idempotencyKey: (name) => `\${nonce}-${name}`,
};

/** Returns a copy of the value in which the values of the keys in {@link OWN} are unique to the run. */
function owned(value: Json, rename?: (name: string) => string): Json {
  if (typeof value === 'string') return rename === undefined ? value : rename(value);
  if (isArray(value)) return value.map((each) => owned(each, rename));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, owned(each, Object.hasOwn(OWN, key) ? OWN[key] : undefined)]),
  );
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

/**
 * The name under which the contract describes a message. For every event this is `custom_event`, because all events have
 * the same envelope.
 */
function messageName(message: JsonObject): string {
  const type = textAt(message, 'type') ?? '';
  return type === 'event' ? 'custom_event' : type;
}

function subscription(actor: string, message: JsonObject): string {
  return `${actor} ${textAt(message['data'], 'subscriptionId') ?? ''}`;
}

const DROPPED: ReadonlySet<string> = new Set(['server', 'text', 'secret']);

export class Writer {
  readonly lines: JsonObject[] = [];
  readonly #names: Names;
  /**
   * Values that clients chose, which the tape repeats unchanged. An id is identified by its value, any other value by
   * its key.
   */
  readonly #chosen = new Set<Json>();
  /** The stream of each subscription, by actor and subscription id. */
  readonly #streams = new Map<string, string>();
  readonly #serverMade = new Set<string>();

  /** Successful resumes, by the number of their frame. */
  readonly #resumed: ReadonlySet<number>;

  constructor(names: Names, resumed: ReadonlySet<number>) {
    this.#names = names;
    this.#resumed = resumed;
  }

  write(action: TapeAction): void {
    switch (action.kind) {
      case 'opened':
        this.lines.push({ as: action.actor, open: {} });
        return this.#receive(action.effects);
      case 'refused':
        return void this.lines.push({ as: action.actor, open: { refused: { status: action.status } } });
      case 'command':
        return this.#command(action);
      case 'malformed':
        return this.#malformed(action);
      case 'http':
        return this.#http(action);
      case 'dropped':
        return void this.lines.push({ as: action.actor, drop: action.code === undefined ? {} : { code: action.code } });
      case 'closed':
        return void this.lines.push({ as: action.actor, closed: { code: action.code } });
      case 'unprompted':
        return this.#receive(action.effects);
      case 'emitted':
        return this.#emitted(action);
    }
  }

  #receive(frames: readonly Frame[]): void {
    for (const frame of frames) this.lines.push(this.#receipt(frame));
  }

  /**
   * Writes the step that expects a frame. In a branch of `par`, `known` contains the names that were bound before the
   * branches.
   */
  #receipt({ actor, json }: Frame, known?: ReadonlySet<string>): JsonObject {
    return { as: actor, recv: this.#pattern(actor, objectOf(json), known) };
  }

  #pattern(actor: string, message: JsonObject, known: ReadonlySet<string> | undefined): JsonObject {
    const type = textAt(message, 'type');
    if (type === 'welcome') return { type };
    const { stream = this.#streams.get(subscription(actor, message)) } = { stream: textAt(message['data'], 'stream') };
    if (stream !== undefined) this.#streams.set(subscription(actor, message), stream);
    const replace: Replace = (kind, value, scope) => {
      if (DROPPED.has(kind)) return undefined;
      if (kind === 'order') return isArray(value) && value.length > 1 ? { $unordered: value } : value;
      const key = keyOf(kind, value, scope);
      if (this.#chosen.has(kind === 'id' ? value : key)) return value;
      this.#serverMade.add(key);
      this.#names.count(key);
      return this.#names.pattern(kind, key, known);
    };
    return objectOf(
      owned(replaceVolatile(messageName(message), message, replace, stream === undefined ? {} : { stream })),
    );
  }

  #command(cause: Commanded): void {
    const { actor, command, message, effects } = cause;
    this.lines.push({ as: actor, send: this.#sent(cause, command, message) });
    const own = effects.filter((each) => each.actor === actor);
    const replies = own.filter((each) => isOwnReply(cause, each));
    if (command !== 'broadcast' || replies.length === own.length) return this.#receive(effects);
    // The publisher's reply may arrive before or after its own event.
    const { keys } = this.#names;
    const events = own.filter((each) => !replies.includes(each)).map((each) => this.#receipt(each));
    this.lines.push({ par: [events, replies.map((each) => this.#receipt(each, keys))] });
    this.#receive(effects.filter((each) => each.actor !== actor));
  }

  #sent({ at }: Commanded, command: string, message: JsonObject): JsonObject {
    if (command === 'authenticate') return { ...message, data: { $ref: 'credentials/default' } };
    const made = replaceVolatile(command, message, (kind, value, scope) => {
      const key = keyOf(kind, value, scope);
      const isMade = this.#serverMade.has(key);
      if (isMade) this.#names.count(key);
      if (!isMade) this.#chosen.add(kind === 'id' ? value : key);
      const reference = isMade ? this.#names.reference(key) : undefined;
      return reference === undefined ? value : { $ref: reference };
    });
    const after = member(member(member(made, 'data'), 'replay'), 'after');
    const ids = [member(after, 'epoch'), member(after, 'sequenceId')];
    if (ids.some((each) => isObject(each)) && !ids.every((each) => isObject(each)) && this.#resumed.has(at))
      throw new GeneraliseError(
        `Frame ${at} resumes after a position that does not occur in the capture. Start the recorder before the clients.`,
      );
    return objectOf(owned(made));
  }

  #malformed({ actor, frame, effects }: Malformed): void {
    if (frame.kind === 'binary') this.lines.push({ as: actor, sendFrame: { opcode: 'binary', hex: frame.text } });
    else this.lines.push({ as: actor, sendText: frame.text });
    const id = textAt(frame.json, 'id');
    if (id !== undefined) this.#chosen.add(id);
    this.#receive(effects);
  }

  #http(cause: HttpRequested): void {
    const { request, answer, effects } = cause;
    const body = bodyOf(request);
    const own =
      isBroadcast(cause) && body !== undefined ? { body: owned(body) } : { ...(body === undefined ? {} : { body }) };
    const line: JsonObject = {
      http: { method: textAt(request, 'method') ?? 'GET', path: textAt(request, 'path') ?? '/', ...own },
      expect: { status: objectOf(answer)['status'] ?? { $type: 'integer' } },
    };
    const result = objectOf(bodyOf(answer));
    if (!isBroadcast(cause) || textAt(result, 'eventId') === undefined) this.lines.push(line);
    else {
      const bind = this.#names.next('posted');
      this.#learnEvent(result, `${bind}/body`);
      this.lines.push({ ...line, bind });
    }
    this.#receive(effects);
  }

  /** Binds the values that the server chose for the event. */
  #learnEvent(data: JsonObject, base: string): void {
    const kinds = { epoch: 'id', sequenceId: 'sequence', eventId: 'id', emittedAt: 'timestamp' } as const;
    for (const [name, kind] of Object.entries(kinds)) {
      const value = data[name];
      if (value === undefined) continue;
      const key = keyOf(kind, value, narrowed({}, data));
      this.#serverMade.add(key);
      this.#names.learn(key, `${base}/${name}`);
    }
  }

  #emitted({ emissions, effects }: Emitted): void {
    const bind = this.#names.next('made');
    const events = emissions.map(({ stream, data }) => ({
      stream: ownStream(stream),
      event: textAt(data, 'event') ?? '',
      payload: owned(data['payload'] ?? {}),
    }));
    for (const [index, { data }] of emissions.entries())
      this.#learnEvent(data, emissions.length === 1 ? bind : `${bind}/${index}`);
    this.lines.push({ stim: events, bind });
    this.#receive(effects);
  }
}
