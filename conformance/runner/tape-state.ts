/** The state of one running tape: its actors, its bindings, and how many messages each branch has read. */
import { commandValidators } from '../../generated/validators.js';
import { withoutOwnFields } from '../filters/declared-events.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { Tape } from '../tape/tape.ts';
import type { Within } from '../tape/tape.ts';
import type { Connection } from './connection.ts';
import { HarnessError, PATIENCE_MS } from './context.ts';
import type { RunContext } from './context.ts';
import type { StimulusPort } from './stimulus.ts';
import type { Cause, Failure } from './verdict.ts';
import type { Witness } from './witness.ts';

/**
 * The name under which credentials are bound: the value of `{"$ref": "credentials/NAME"}` is the `data` of an
 * `authenticate` command.
 */
const CREDENTIALS = 'credentials';

/** Thrown if a step of a tape fails. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly failure: Failure;
  readonly failureCause: Cause | undefined;

  constructor(failure: Failure, cause?: Cause) {
    super(failure.text);
    this.failure = failure;
    this.failureCause = cause;
  }
}

/** Per actor, the index of the next message to read. */
export type Cursors = Map<string, number>;

/** The port with which a tape makes the target emit events, and the witness that receives these events. */
export interface WitnessedPort {
  readonly port: StimulusPort;
  readonly witness: Witness;
  /**
   * How to recognise an emitted event. A `file_change` event is recognised by its path, because the target adds members
   * to its payload.
   */
  readonly compare: 'payload' | 'path';
}

export class TapeState {
  readonly context: RunContext;
  readonly tape: Tape;
  readonly bindings: Map<string, Json>;
  readonly witnessed: WitnessedPort | undefined;
  /** How many expectations were met so far. */
  judged = 0;
  readonly #connections = new Map<string, Connection>();

  constructor(context: RunContext, tape: Tape, witnessed: WitnessedPort | undefined, credentials: JsonObject) {
    this.bindings = new Map([[CREDENTIALS, credentials]]);
    this.context = context;
    this.tape = tape;
    this.witnessed = witnessed;
  }

  connection(actor: string): Connection {
    const found = this.#connections.get(actor);
    if (found === undefined) throw new HarnessError(`${actor} has no connection`);
    return found;
  }

  /** The current connection of each actor. A reconnect replaces the connection. */
  get connections(): readonly Connection[] {
    return [...this.#connections.values()];
  }

  place(actor: string, connection: Connection): void {
    this.#connections.set(actor, connection);
  }

  patience(within: Within | undefined): number {
    const { timeScale, profile } = this.context;
    if (within === undefined) return PATIENCE_MS * timeScale;
    if (typeof within === 'number') return within * timeScale;
    return within.heartbeats * profile.welcome.heartbeatIntervalMs * timeScale + PATIENCE_MS;
  }
}

/**
 * Throws if a command of the suite is invalid by the contract, because this is a bug in the suite or the tape, not in
 * the server.
 */
export function assertFits(message: JsonObject, where: string): void {
  const { type } = message;
  const validators: Readonly<Record<string, (value: unknown) => boolean>> = commandValidators;
  const name = typeof type === 'string' && Object.hasOwn(validators, type) ? type : undefined;
  if (name === undefined || validators[name]?.(withoutOwnFields(message)) !== true)
    throw new HarnessError(
      `${where} sends ${JSON.stringify(message)}, which is not valid by the contract; use "sendText" for invalid messages`,
    );
}
