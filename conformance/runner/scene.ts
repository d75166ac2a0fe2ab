/** One tape being run: its actors, what it has bound, and how far each branch has read. */
import { commandValidators } from '../../generated/validators.js';
import { withoutOwnFields } from '../filters/declared-events.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import type { Tape } from '../tape/tape.ts';
import type { Within } from '../tape/tape.ts';
import type { Connection } from './connection.ts';
import { HarnessError, PATIENCE_MS } from './context.ts';
import type { RunContext } from './context.ts';
import type { StimulusPort } from './stimulus.ts';
import type { Failure } from './verdict.ts';
import type { Witness } from './witness.ts';

/** What `{"$ref": "credentials/NAME"}` looks into: `data` of an `authenticate` command. */
export const CREDENTIALS = 'credentials';

/** A step was not met. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.text);
    this.failure = failure;
  }
}

/** Where each actor's reading has come to: the index of the next message. */
export type Cursors = Map<string, number>;

export interface Stage {
  readonly port: StimulusPort;
  readonly witness: Witness;
  /** How an emitted event is told from others: files say more than was asked for. */
  readonly compare: 'payload' | 'path';
}

export class Scene {
  readonly context: RunContext;
  readonly tape: Tape;
  readonly bindings: Map<string, Json>;
  readonly stage: Stage | undefined;
  /** Expectations met so far. */
  judged = 0;
  readonly #connections = new Map<string, Connection>();

  constructor(context: RunContext, tape: Tape, stage: Stage | undefined, credentials: JsonObject) {
    this.bindings = new Map([[CREDENTIALS, credentials]]);
    this.context = context;
    this.tape = tape;
    this.stage = stage;
  }

  connection(actor: string): Connection {
    const found = this.#connections.get(actor);
    if (found === undefined) throw new HarnessError(`${actor} has no connection`);
    return found;
  }

  /** Every actor's connection; a reconnect replaces the one before. */
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

/** Commands of the suite itself fit the contract; if one does not, that is no finding about the server. */
export function assertFits(message: JsonObject, where: string): void {
  const { type } = message;
  const validators: Readonly<Record<string, (value: unknown) => boolean>> = commandValidators;
  const name = typeof type === 'string' && Object.hasOwn(validators, type) ? type : undefined;
  if (name === undefined || validators[name]?.(withoutOwnFields(message)) !== true)
    throw new HarnessError(
      `${where} sends ${JSON.stringify(message)}, which does not fit the contract; use "sendText"`,
    );
}
