/** Connects to a target once to read its `welcome`, which determines the checks that apply. */
import { randomBytes } from 'node:crypto';
import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { WelcomeData } from '../../generated/types.ts';
import { serverValidators } from '../../generated/validators.js';
import { member } from '../trace/json.ts';
import { exampleOf } from '../invariants/contract.ts';
import { faultsOf } from '../invariants/faults.ts';
import type { Frame, Trace } from '../trace/trace.ts';
import { Connection, typeOf } from './connection.ts';
import type { ConnectOptions } from './connection.ts';
import { PATIENCE_MS, UnreachableError } from './context.ts';
import type { Profile } from '../target/profile.ts';
import type { RunContext } from './context.ts';
import { sendRequest } from './http-request.ts';
import { adviceForRefusal, adviceForSilence } from './connection-advice.ts';
import type { Failure } from './verdict.ts';

/** Thrown if the upgrade was rejected. Then this is not the address of a Tidemark gateway, so no check can run. */
export class NotAGatewayError extends Error {
  override readonly name = 'NotAGatewayError';
}

/** Thrown if the server accepts connections but sends no valid `welcome`. Nothing is known about such a server, so no check can run. */
export class WelcomeError extends Error {
  override readonly name = 'WelcomeError';
  readonly failure: Failure;
  readonly trace: Trace;

  constructor(failure: Failure, trace: Trace) {
    const faults = failure.nearest?.differences ?? [];
    super([failure.text, ...faults.map(({ path, expected }) => `  ${path} ${expected}`)].join('\n'));
    this.failure = failure;
    this.trace = trace;
  }
}

const CHECK = 'probe';
/** The check that fails when a run ends at the probe. */
export const PROBE = 'probe/welcome';

async function probeHttp(context: Omit<RunContext, 'profile'>): Promise<Profile['http']> {
  const { method, path } = HTTP_OPERATIONS.get_health;
  try {
    const answer = await sendRequest({ context, check: CHECK, request: { method, path } });
    return answer.status === 404 ? 'not-served' : 'served';
  } catch (error) {
    if (error instanceof UnreachableError) return 'not-served';
    throw error;
  }
}

function unwelcome(connection: Connection, timeoutMs: number, trace: Trace): WelcomeError {
  const [first] = connection.received;
  const { closed } = connection;
  const came = first === undefined ? 'nothing arrived' : `the first message was ${first.text.slice(0, 200)}`;
  const end = closed === undefined ? `within ${timeoutMs} ms` : `before the connection ended with ${closed.code}`;
  const frames = [first?.n, closed?.frame.n].filter((each) => each !== undefined);
  return new WelcomeError({ text: `no welcome ${end}: ${came}`, expected: exampleOf('welcome'), frames }, trace);
}

/** @throws {WelcomeError} with every fault of the message */
function readWelcome({ n, json = null }: Frame, trace: Trace): WelcomeData {
  const validator = serverValidators.welcome;
  const data = member(json, 'data');
  // Faults of the envelope are not reported here. If `data` is valid, the checks can run, and they report these faults.
  // The cast is safe, because the validator for this type has accepted the message.
  if (validator({ type: 'welcome', data })) return data as unknown as WelcomeData;
  const differences = faultsOf(validator, json, exampleOf('welcome')).map(({ path, rule, actual }) => ({
    path,
    expected: rule.replace(/^(?:must be |does not have the required form: )/, ''),
    actual,
  }));
  const count = differences.length === 1 ? 'one fault' : `${differences.length} faults`;
  const failure = {
    text: `the welcome does not match the contract (${count})`,
    expected: exampleOf('welcome'),
    nearest: { frame: n, value: json, differences },
    frames: [n],
  };
  throw new WelcomeError(failure, trace);
}

async function openProbe(context: Omit<RunContext, 'profile'>, options: ConnectOptions): Promise<Connection> {
  const { url } = context.config;
  const connection = new Connection(context, options);
  try {
    const refused = await connection.open(options);
    if (refused === undefined) return connection;
    const { status, body } = refused;
    const text = `not a Tidemark gateway: the upgrade was rejected with status ${status}: ${body.slice(0, 200)}`;
    throw new NotAGatewayError(`${text}\n${await adviceForRefusal(url, refused)}`);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    const advice = await adviceForSilence(url, error.message);
    throw new UnreachableError(`${url} cannot be reached: ${error.message}\n${advice}`, { cause: error });
  }
}

/**
 * @throws {UnreachableError} when nothing answers.
 * @throws {NotAGatewayError} when another kind of server answers.
 * @throws {WelcomeError} when the `welcome` of the server is missing or wrong.
 */
export async function probe(context: Omit<RunContext, 'profile'>): Promise<Profile> {
  const timeoutMs = PATIENCE_MS * context.timeScale;
  const connection = await openProbe(context, { actor: 'probe', spec: {}, check: CHECK, timeoutMs });
  const welcome = await connection.find((frame) => typeOf(frame) === 'welcome', timeoutMs);
  if (welcome === undefined) throw unwelcome(connection, timeoutMs, context.trace);
  const data = readWelcome(welcome, context.trace);
  const http = await probeHttp(context);
  await connection.end({ code: 1000 }, timeoutMs);
  return { welcome: data, http };
}

/** A random text of lower-case letters and digits, which can be part of every kind of name. */
export function makeNonce(): string {
  return `t${BigInt(`0x${randomBytes(5).toString('hex')}`).toString(36)}`;
}
